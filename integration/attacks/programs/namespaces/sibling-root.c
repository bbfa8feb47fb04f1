/*
 * The root of a container that shares the pid namespace leads to its file of the blocked name.
 *
 * under admin: stopped
 */
#include "attack.h"

ATTACK
{
	char name[64];
	pid_t pid = sibling();

	if (pid < 0)
		return ESRCH;
	snprintf(name, sizeof name, "/proc/%d/root/w/secret", pid);
	return steal(name);
}
