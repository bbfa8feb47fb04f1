/*
 * From a control group below the container's own, the program is executed.
 *
 * under blocks: stopped
 * needs: control groups of version 2
 */
#include "attack.h"

static int act(void)
{
	return runs("/w/bin/victim");
}

ATTACK
{
	int error = leave_cgroup();

	return error ? error : fork_and(act);
}
