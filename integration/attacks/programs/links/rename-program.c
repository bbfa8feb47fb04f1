/*
 * The program is moved to another name.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (rename("/w/bin/victim", "/w/free/moved-program") < 0)
		return errno;
	return runs("/w/free/moved-program");
}
