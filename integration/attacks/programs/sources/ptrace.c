/*
 * A debugger gives the source its order.
 *
 * under sources: stopped; apparmor: apparmor-source-trace
 * under traced: stopped; apparmor: apparmor-source-trace
 */
#include "attack.h"
#include <sys/ptrace.h>

ATTACK
{
	pid_t pid = keeper("keep", "keeps");

	if (pid < 0)
		return errno;
	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0 || waitpid(pid, NULL, 0) < 0 ||
	    ptrace(PTRACE_POKEDATA, pid, &order, (void *)1) < 0 || ptrace(PTRACE_DETACH, pid, NULL, NULL) < 0)
		return errno;
	return obeyed(pid);
}
