/*
 * The program lies on a mount of the attacker's own.
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
	error = copy("/w/bin/ok", "/w/free/dir/ok", 0777);
	return error ? error : runs("/w/free/dir/ok");
}
