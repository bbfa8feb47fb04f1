/*
 * Another user than root executes the blocked program.
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
	return as_user(1000, act);
}
