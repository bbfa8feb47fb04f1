/*
 * The name is that of a symbolic link that the attacker made.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (symlink("/w/secret", "/w/free/link") < 0)
		return errno;
	return steal("/w/free/link");
}
