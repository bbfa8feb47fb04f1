/*
 * A thread that is not the first executes the program.
 *
 * under blocks: stopped
 * under programs: stopped
 */
#include "attack.h"
#include <pthread.h>

static int error = ECHILD;

static void *execute(void *unused)
{
	execl("/w/bin/victim", "victim", "victim", NULL);
	error = errno;
	return unused;
}

ATTACK
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, execute, NULL) == 0)
			pthread_join(thread, NULL);
		_exit(error);
	}
	return pid < 0 || waitpid(pid, &status, 0) < 0 ? errno : won(status);
}
