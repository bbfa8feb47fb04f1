/*
 * A thread opens the file when the first thread of its process is gone.
 *
 * under blocks: stopped
 */
#include "attack.h"
#include <pthread.h>

static void *outlive(void *leader)
{
	pthread_join(*(pthread_t *)leader, NULL);
	_exit(steal("/w/secret") ? errno : WON);
}

ATTACK
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t thread, leader = pthread_self();

		if (pthread_create(&thread, NULL, outlive, &leader) == 0)
			syscall(SYS_exit, 0);
		_exit(ECHILD);
	}
	return pid < 0 || waitpid(pid, &status, 0) < 0 ? errno : won(status);
}
