/*
 * The file and another change places.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (renameat2(AT_FDCWD, "/w/free/file", AT_FDCWD, "/w/secret", RENAME_EXCHANGE) < 0)
		return errno;
	return steal("/w/free/file");
}
