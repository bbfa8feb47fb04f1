/*
 * A file system of the new interface is attached above.
 *
 * under blocks: stopped
 * under admin: stopped
 */
#include "attack.h"

ATTACK
{
	int fs, made, error = own_mounts();

	if (!error)
		error = root_of_own();
	if (error)
		return error;
	fs = syscall(SYS_fsopen, "tmpfs", 0);
	if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return errno;
	made = syscall(SYS_fsmount, fs, 0, 0);
	if (made < 0 || syscall(SYS_move_mount, made, "", AT_FDCWD, "/w", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return errno;
	return put("/w/fixed", "new\n");
}
