/*
 * A process without parent or session opens the file.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	int pipes[2], error = ECHILD;

	if (pipe(pipes) < 0)
		return errno;
	if (fork() == 0) {
		if (fork() == 0) {
			setsid();
			while (getppid() != 1)
				usleep(1000);
			error = steal("/w/secret");
			_exit(write(pipes[1], &error, sizeof error) < 0);
		}
		_exit(0);
	}
	close(pipes[1]);
	return read(pipes[0], &error, sizeof error) < 0 ? errno : error;
}
