/*
 * A copy of the dynamic loader is told to run the program.
 *
 * under blocks: stopped
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	int error = copy("/lib64/ld-linux-x86-64.so.2", "/w/free/loader", 0755);

	if (error)
		return error;
	error = runs_with("/w/free/loader", (char *[]){ "loader", "/w/bin/dynamic", "victim", NULL }, NULL);
	return error == 127 ? EACCES : error; /* the loader's own way to say that it could not map it */
}
