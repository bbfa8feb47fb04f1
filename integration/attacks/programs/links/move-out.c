/*
 * A program is moved out of a directory of blocked ones.
 *
 * under blocks: stopped; apparmor: apparmor-move-out
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	if (rename("/w/tools/moved", "/w/free/moved-tool") < 0)
		return errno;
	return runs("/w/free/moved-tool");
}
