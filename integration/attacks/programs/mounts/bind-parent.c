/*
 * A directory above the file is mounted at another name.
 *
 * under blocks: stopped
 * under admin: stopped
 */
#include "attack.h"

ATTACK
{
	int error = own_mounts();

	if (error)
		return error;
	if (mount("/w/sub", "/w/free/dir", NULL, MS_BIND, NULL) < 0)
		return errno;
	return steal("/w/free/dir/deep/hidden");
}
