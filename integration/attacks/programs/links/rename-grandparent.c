/*
 * A directory farther above the file is moved to another name.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (rename("/w/sub", "/w/free/other") < 0)
		return errno;
	return steal("/w/free/other/deep/hidden");
}
