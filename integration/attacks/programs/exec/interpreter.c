/*
 * A script is executed whose interpreter is blocked.
 *
 * under blocks: stopped; apparmor: apparmor-interpreter
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	return runs_with("/w/script", (char *[]){ "script", NULL }, NULL);
}
