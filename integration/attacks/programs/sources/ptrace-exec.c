/*
 * A process that is traced already becomes the source.
 *
 * under sources: stopped; apparmor: apparmor-source-trace
 * under traced: stopped; apparmor: apparmor-source-trace
 */
#include "attack.h"
#include <sys/ptrace.h>

ATTACK
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(errno);
		execl("/w/bin/keeper", "keeper", "keep", NULL);
		_exit(errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	if (!WIFSTOPPED(status))
		return won(status);
	if (ptrace(PTRACE_POKEDATA, pid, &order, (void *)1) < 0 || ptrace(PTRACE_DETACH, pid, NULL, NULL) < 0)
		return errno;
	return obeyed(pid);
}
