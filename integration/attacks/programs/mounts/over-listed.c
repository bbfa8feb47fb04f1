/*
 * A program is mounted over one that the list allows.
 *
 * under programs: by nature
 * under programs-fixed: stopped
 */
#include "attack.h"

ATTACK
{
	int error = own_mounts();

	if (error)
		return error;
	if (mount("/w/bin/victim", "/w/bin/ok", NULL, MS_BIND, NULL) < 0)
		return errno;
	return runs("/w/bin/ok");
}
