/*
 * The program lies on a mount that is attached nowhere.
 *
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	int fs, made, error = own_mounts();
	char text[64];

	if (!error)
		error = root_of_own();
	if (error)
		return error;
	fs = syscall(SYS_fsopen, "tmpfs", 0);
	if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return errno;
	made = syscall(SYS_fsmount, fs, 0, 0);
	if (made < 0)
		return errno;
	snprintf(text, sizeof text, "/proc/self/fd/%d/ok", made);
	error = copy("/w/bin/ok", text, 0777);
	return error ? error : runs(text);
}
