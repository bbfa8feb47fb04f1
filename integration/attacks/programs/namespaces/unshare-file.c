/*
 * In new namespaces of every kind, the file is opened.
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
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) < 0)
		return errno;
	return fork_and(act);
}
