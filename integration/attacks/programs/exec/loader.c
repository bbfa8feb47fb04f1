/*
 * The dynamic loader is told to run the program.
 *
 * under blocks: stopped
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	return runs_with("/lib64/ld-linux-x86-64.so.2",
			 (char *[]){ "ld.so", "/w/bin/dynamic", "victim", NULL }, NULL);
}
