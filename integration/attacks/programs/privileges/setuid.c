/*
 * A user who is not root becomes root by the file that they execute.
 *
 * under capabilities: stopped
 */
#include "attack.h"

static int act(void)
{
	return runs_with("/w/bin/rooted", (char *[]){ "rooted", "chroot", NULL }, NULL);
}

ATTACK
{
	return as_user(1000, act);
}
