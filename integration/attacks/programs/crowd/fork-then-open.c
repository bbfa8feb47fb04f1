/*
 * A chain of fifty generations opens the file.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	for (int i = 0; i < 50; i++) {
		int status;
		pid_t pid = fork();

		if (pid < 0)
			return errno;
		if (pid > 0)
			return waitpid(pid, &status, 0) < 0 ? errno : i ? (_exit(WEXITSTATUS(status)), 0) : won(status);
	}
	_exit(steal("/w/secret") ? errno : WON);
}
