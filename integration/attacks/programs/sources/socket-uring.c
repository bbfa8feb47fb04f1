/*
 * A socket that the source made before an execve connects by io_uring after it.
 *
 * under dialers: stopped
 */
#include "attack.h"

ATTACK
{
	return runs_with("/w/bin/keeper", (char *[]){ "keeper", "dial", "uring", NULL }, NULL);
}
