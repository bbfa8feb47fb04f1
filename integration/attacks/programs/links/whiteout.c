/*
 * The file is moved, and leaves a mark that hides what was below.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	int error;

	if (renameat2(AT_FDCWD, "/v/secret", AT_FDCWD, "/v/moved", RENAME_WHITEOUT) < 0)
		return errno;
	error = steal("/v/moved");
	rename("/v/moved", "/v/secret");
	return error;
}
