/*
 * The name begins at the root that /proc shows.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return steal("/proc/self/root/w/secret");
}
