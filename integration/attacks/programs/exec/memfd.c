/*
 * A program is put into memory, and executed without a name.
 *
 * under blocks: stopped
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	char text[32];
	int fd = memfd_create("program", 0);

	if (fd < 0)
		return errno;
	snprintf(text, sizeof text, "/proc/self/fd/%d", fd);
	return copy("/w/bin/ok", text, 0777) ? errno : runs_fd(open(text, O_RDONLY | O_CLOEXEC));
}
