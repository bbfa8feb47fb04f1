/*
 * The attacker joins its child's namespaces.
 *
 * under blocks: stopped
 */
#include "attack.h"

static int act(void)
{
	return steal("/w/secret");
}

ATTACK
{
	int status, joined;
	pid_t pid = fork();

	if (pid == 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
			_exit(errno);
		kill(getpid(), SIGSTOP);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, WUNTRACED) < 0)
		return errno;
	if (!WIFSTOPPED(status))
		return WEXITSTATUS(status);
	joined = syscall(SYS_setns, syscall(SYS_pidfd_open, pid, 0), CLONE_NEWUSER | CLONE_NEWNS);
	status = joined < 0 ? errno : fork_and(act);
	kill(pid, SIGKILL);
	return status;
}
