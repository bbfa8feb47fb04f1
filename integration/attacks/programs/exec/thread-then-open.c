/*
 * A thread that is not the first executes a free program, which opens the file.
 *
 * under blocks: stopped
 */
#include "attack.h"
#include <pthread.h>

static void *execute(void *unused)
{
	execl("/w/bin/ok", "ok", "steal", NULL);
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
		_exit(ECHILD);
	}
	return pid < 0 || waitpid(pid, &status, 0) < 0 ? errno : won(status);
}
