/*
 * In new namespaces of every kind, the socket is made.
 *
 * under protocols: stopped
 */
#include "attack.h"

static int act(void)
{
	return ended(socket(AF_INET, SOCK_STREAM, 0));
}

ATTACK
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) < 0)
		return errno;
	return fork_and(act);
}
