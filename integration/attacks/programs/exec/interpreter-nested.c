/*
 * The interpreter of a script is a script, whose interpreter is blocked.
 *
 * under blocks: stopped; apparmor: apparmor-interpreter
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	return runs_with("/w/nested", (char *[]){ "nested", NULL }, NULL);
}
