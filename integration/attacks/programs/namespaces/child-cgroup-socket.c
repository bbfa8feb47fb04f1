/*
 * From a control group below the container's own, the socket is made.
 *
 * under protocols: stopped
 * needs: control groups of version 2
 */
#include "attack.h"

static int act(void)
{
	return ended(socket(AF_INET, SOCK_STREAM, 0));
}

ATTACK
{
	int error = leave_cgroup();

	return error ? error : fork_and(act);
}
