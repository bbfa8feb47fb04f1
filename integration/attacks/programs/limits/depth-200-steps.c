/*
 * The same, step by step.
 *
 * under limits: stopped
 */
#include "attack.h"

ATTACK
{
	if (chdir("/long/deep") < 0)
		return errno;
	for (int i = 0; i < 200; i++)
		if (chdir("d") < 0)
			return errno;
	return steal("secret");
}
