/*
 * The name begins at the working directory that /proc shows.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (chdir("/w/sub") < 0)
		return errno;
	return steal("/proc/self/cwd/deep/hidden");
}
