/*
 * The directory above the file and another change places.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (renameat2(AT_FDCWD, "/w/free/dir", AT_FDCWD, "/w/sub/deep", RENAME_EXCHANGE) < 0)
		return errno;
	return steal("/w/free/dir/hidden");
}
