/*
 * A child's descriptor for nothing is taken from it, and opened again.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	int taken;
	pid_t pid = fork();

	if (pid == 0) {
		if (dup2(open("/w/secret", O_PATH), 100) < 0)
			_exit(errno);
		kill(getpid(), SIGSTOP);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, WUNTRACED) < 0)
		return errno;
	taken = syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, pid, 0), 100, 0);
	kill(pid, SIGKILL);
	return reads(reopen(taken, O_RDONLY));
}
