/*
 * Another mount becomes the root, and the old one gets another name.
 *
 * under admin: stopped
 */
#include "attack.h"

ATTACK
{
	int error = own_mounts();

	if (error)
		return error;
	if (mkdir("/v/old", 0777) < 0 && errno != EEXIST)
		return errno;
	if (syscall(SYS_pivot_root, "/v", "/v/old") < 0)
		return errno;
	return steal("/old/w/secret");
}
