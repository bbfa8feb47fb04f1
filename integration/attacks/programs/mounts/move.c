/*
 * A mount is moved.
 *
 * under admin: stopped
 */
#include "attack.h"

ATTACK
{
	int error = own_mounts();

	if (error)
		return error;
	return ended(mount("/v", "/w/free/dir", NULL, MS_MOVE, NULL));
}
