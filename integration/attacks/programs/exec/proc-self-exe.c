/*
 * A listed program executes itself again by /proc/self/exe.
 *
 * under blocks: works
 * under programs: works
 */
#include "attack.h"

ATTACK
{
	return runs_with("/w/bin/ok", (char *[]){ "ok", "again", NULL }, NULL);
}
