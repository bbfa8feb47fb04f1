/*
 * The source itself reads its file.
 *
 * under sources: works
 * under traced: works
 */
#include "attack.h"

ATTACK
{
	return runs_with("/w/bin/keeper", (char *[]){ "keeper", "read", NULL }, NULL);
}
