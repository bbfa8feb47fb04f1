/*
 * The attacker puts another program in the place of a listed one.
 *
 * under programs: by nature
 * under programs-fixed: stopped
 */
#include "attack.h"

ATTACK
{
	int error = copy("/w/bin/victim", "/w/free/replacement", 0777);

	if (error || rename("/w/free/replacement", "/w/bin/ok") < 0)
		return error ? error : errno;
	return runs("/w/bin/ok");
}
