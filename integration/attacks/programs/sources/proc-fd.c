/*
 * The source's open file is opened by its name below /proc.
 *
 * under sources: stopped
 * under traced: stopped
 */
#include "attack.h"

ATTACK
{
	char name[32];
	pid_t pid = keeper("hold", "holds");

	if (pid < 0)
		return errno;
	snprintf(name, sizeof name, "/proc/%d/fd/100", pid);
	return steal(name);
}
