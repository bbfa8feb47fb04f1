/*
 * A copy of the mount is attached at another name.
 *
 * under blocks: stopped
 * under admin: stopped
 */
#include "attack.h"

ATTACK
{
	int tree, error = own_mounts();

	if (error)
		return error;
	tree = syscall(SYS_open_tree, AT_FDCWD, "/w/sub", OPEN_TREE_CLONE);
	if (tree < 0 || syscall(SYS_move_mount, tree, "", AT_FDCWD, "/w/free/dir", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return errno;
	return steal("/w/free/dir/deep/hidden");
}
