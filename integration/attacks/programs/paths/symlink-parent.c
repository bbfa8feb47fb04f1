/*
 * A symbolic link stands among the parents.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (symlink("../../w", "/w/free/up") < 0)
		return errno;
	return steal("/w/free/up/sub/deep/hidden");
}
