/*
 * A user who is not root gets the capability from the file that they execute.
 *
 * under capabilities: stopped
 */
#include "attack.h"

static int act(void)
{
	return runs_with("/w/bin/capable", (char *[]){ "capable", "raw", NULL }, NULL);
}

ATTACK
{
	return as_user(1000, act);
}
