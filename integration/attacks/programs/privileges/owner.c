/*
 * Who does not own the file opens it as root, in a user namespace of its own.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (unshare(CLONE_NEWUSER) < 0)
		return errno;
	return steal("/w/secret");
}
