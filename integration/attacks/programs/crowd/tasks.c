/*
 * Two thousand processes, all alive at once, execute the program.
 *
 * under blocks: stopped
 * tier: long
 */
#include "attack.h"

ATTACK
{
	int pipes[2], made = 0, error, kept = 0;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return errno;
	while (made < 2000) {
		pid_t pid = fork();

		if (pid == 0) {
			char start;

			close(pipes[1]);
			_exit(read(pipes[0], &start, 1) < 0 ? errno : (error = runs("/w/bin/victim")) ? error : WON);
		}
		if (pid < 0)
			break;
		made++;
	}
	close(pipes[1]); /* which starts them all */
	for (int i = 0; i < made; i++) {
		int status;

		if (wait(&status) > 0 && won(status) != 0)
			kept++;
	}
	if (made < 2000)
		return EAGAIN;
	return kept == made ? EACCES : 0;
}
