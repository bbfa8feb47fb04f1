/*
 * The order is written to the source's memory as a file.
 *
 * under sources: stopped; apparmor: apparmor-source-trace
 * under traced: stopped; apparmor: apparmor-source-trace
 */
#include "attack.h"

ATTACK
{
	pid_t pid = keeper("keep", "keeps");

	if (pid < 0)
		return errno;
	char name[32];
	int yes = 1, fd;

	snprintf(name, sizeof name, "/proc/%d/mem", pid);
	fd = open(name, O_WRONLY);
	if (fd < 0 || pwrite(fd, &yes, sizeof yes, (uintptr_t)&order) < 0)
		return errno;
	return obeyed(pid);
}
