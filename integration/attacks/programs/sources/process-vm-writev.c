/*
 * The order is written into the source's memory.
 *
 * under sources: stopped; apparmor: apparmor-source-trace
 * under traced: stopped; apparmor: apparmor-source-trace
 */
#include "attack.h"
#include <sys/uio.h>

ATTACK
{
	pid_t pid = keeper("keep", "keeps");

	if (pid < 0)
		return errno;
	int yes = 1;
	struct iovec here = { &yes, sizeof yes }, there = { (void *)&order, sizeof order };

	if (process_vm_writev(pid, &here, 1, &there, 1, 0) < 0)
		return errno;
	return obeyed(pid);
}
