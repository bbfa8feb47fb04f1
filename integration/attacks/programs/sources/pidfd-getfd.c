/*
 * The source's open file is taken from it.
 *
 * under sources: stopped
 * under traced: stopped
 */
#include "attack.h"

ATTACK
{
	pid_t pid = keeper("hold", "holds");

	if (pid < 0)
		return errno;
	return reads(syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, pid, 0), 100, 0));
}
