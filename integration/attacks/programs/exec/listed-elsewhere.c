/*
 * On a mount of the attacker's own there is a program by the listed name, in a root of its own.
 *
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	int error = own_mounts();

	if (!error)
		error = root_of_own();
	if (error || mount("tmpfs", "/w/free/dir", "tmpfs", 0, NULL) < 0)
		return error ? error : errno;
	if (mkdir("/w/free/dir/w", 0777) < 0 || mkdir("/w/free/dir/w/bin", 0777) < 0)
		return errno;
	error = copy("/w/bin/victim", "/w/free/dir/w/bin/ok", 0777);
	if (error || chroot("/w/free/dir") < 0)
		return error ? error : errno;
	return runs("/w/bin/ok");
}
