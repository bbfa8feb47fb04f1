/*
 * The program is executed by a child that shares its parent's memory.
 *
 * under blocks: stopped
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	int status;
	volatile int error = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		execl("/w/bin/victim", "victim", "victim", NULL);
		error = errno;
		_exit(1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	return error ? error : won(status);
}
