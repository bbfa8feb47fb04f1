/*
 * A copy of the mount that is attached nowhere leads to the file.
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
	return steal_at(syscall(SYS_open_tree, AT_FDCWD, "/w", OPEN_TREE_CLONE), "secret");
}
