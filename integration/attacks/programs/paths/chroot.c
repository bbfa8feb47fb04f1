/*
 * In a root of its own the attacker knows the file under another name.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (chroot("/w") < 0)
		return errno;
	return steal("/secret");
}
