/*
 * A socket that the source made before an execve connects after it.
 *
 * under dialers: stopped
 */
#include "attack.h"

ATTACK
{
	return runs_with("/w/bin/keeper", (char *[]){ "keeper", "dial", "connect", NULL }, NULL);
}
