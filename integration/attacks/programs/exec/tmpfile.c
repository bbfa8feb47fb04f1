/*
 * A file that never had a name (O_TMPFILE) is executed.
 *
 * under blocks: by nature
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	char text[32];
	int fd = open("/v", O_TMPFILE | O_RDWR, 0777), program, error;

	if (fd < 0)
		return errno;
	snprintf(text, sizeof text, "/proc/self/fd/%d", fd);
	error = copy("/w/bin/ok", text, 0777);
	program = open(text, O_RDONLY | O_CLOEXEC);
	close(fd); /* what is open for writing cannot be executed */
	return error ? error : runs_fd(program);
}
