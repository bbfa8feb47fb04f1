/*
 * The blocked directory gets a pipe.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(mknod("/w/vault/new", S_IFIFO | 0666, 0));
}
