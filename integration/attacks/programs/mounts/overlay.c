/*
 * An overlay shows the directory at another name.
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
	if (mount("overlay", "/w/free/dir", "overlay", 0, "lowerdir=/v:/dev/shm") < 0)
		return errno;
	return steal("/w/free/dir/secret");
}
