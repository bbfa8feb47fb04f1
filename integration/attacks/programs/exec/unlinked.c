/*
 * A program is executed whose name is gone.
 *
 * under blocks: by nature
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	int error = copy("/w/bin/ok", "/w/free/unlinked", 0777), fd = open("/w/free/unlinked", O_PATH);

	if (error || fd < 0 || unlink("/w/free/unlinked") < 0)
		return error ? error : errno;
	return runs_fd(fd);
}
