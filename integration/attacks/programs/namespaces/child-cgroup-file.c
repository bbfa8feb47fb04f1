/*
 * From a control group below the container's own, the file is opened.
 *
 * under blocks: stopped
 * needs: control groups of version 2
 */
#include "attack.h"

static int act(void)
{
	return steal("/w/secret");
}

ATTACK
{
	int error = leave_cgroup();

	return error ? error : fork_and(act);
}
