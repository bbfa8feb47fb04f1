/*
 * The attacker gives itself the runtime's name before it executes the program.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (prctl(PR_SET_NAME, "runc:[2:INIT]") < 0)
		return errno;
	return runs_with("/w/bin/victim", (char *[]){ "runc", "victim", NULL }, NULL);
}
