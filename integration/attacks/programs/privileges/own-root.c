/*
 * In a user namespace of the attacker's own, what it does there is its own affair.
 *
 * under capabilities: works
 */
#include "attack.h"

ATTACK
{
	if (unshare(CLONE_NEWUSER) < 0)
		return errno;
	return ended(chroot("/"));
}
