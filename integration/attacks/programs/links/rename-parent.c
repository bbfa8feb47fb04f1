/*
 * The directory above the file is moved to another name.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (rename("/w/sub/deep", "/w/sub/other") < 0)
		return errno;
	return steal("/w/sub/other/hidden");
}
