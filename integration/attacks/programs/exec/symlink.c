/*
 * The name is that of a symbolic link that the attacker made.
 *
 * under blocks: stopped
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	if (symlink("../bin/victim", "/w/free/run") < 0)
		return errno;
	return runs("/w/free/run");
}
