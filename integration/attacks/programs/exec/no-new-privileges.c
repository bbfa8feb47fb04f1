/*
 * A process that gives up all further rights executes a free program, which opens the file.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return errno;
	return runs_with("/w/bin/ok", (char *[]){ "ok", "steal", NULL }, NULL);
}
