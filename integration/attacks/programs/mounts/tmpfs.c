/*
 * An empty file system is mounted above, in which every name is free.
 *
 * under blocks: stopped
 * under admin: stopped
 */
#include "attack.h"

ATTACK
{
	int error = own_mounts();

	if (!error)
		error = root_of_own();
	if (error)
		return error;
	if (mount("tmpfs", "/w", "tmpfs", 0, NULL) < 0)
		return errno;
	return put("/w/fixed", "new\n");
}
