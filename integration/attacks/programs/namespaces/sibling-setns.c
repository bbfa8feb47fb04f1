/*
 * The attacker joins the mount namespace of a container that shares the pid namespace.
 *
 * under admin: stopped
 */
#include "attack.h"

ATTACK
{
	char name[64];
	pid_t pid = sibling();
	int ns;

	if (pid < 0)
		return ESRCH;
	snprintf(name, sizeof name, "/proc/%d/ns/mnt", pid);
	ns = open(name, O_RDONLY);
	if (ns < 0 || setns(ns, CLONE_NEWNS) < 0)
		return errno;
	return steal("/w/secret");
}
