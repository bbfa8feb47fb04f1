/*
 * /dev/stdout is a pipe, and can be opened.
 *
 * under files: works
 * under blocks: works
 */
#include "attack.h"

ATTACK
{
	int pipes[2];

	if (pipe(pipes) < 0 || dup2(pipes[1], 1) < 0)
		return errno;
	return ended(open("/dev/stdout", O_WRONLY));
}
