/*
 * In new namespaces of every kind, the program is executed.
 *
 * under blocks: stopped
 */
#include "attack.h"

static int act(void)
{
	return runs("/w/bin/victim");
}

ATTACK
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) < 0)
		return errno;
	return fork_and(act);
}
