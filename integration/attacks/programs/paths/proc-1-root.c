/*
 * The name begins at the root of the container's first process.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return steal("/proc/1/root/w/secret");
}
