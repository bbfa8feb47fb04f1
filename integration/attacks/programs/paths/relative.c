/*
 * The name is relative to a working directory.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (chdir("/w") < 0)
		return errno;
	return steal("secret");
}
