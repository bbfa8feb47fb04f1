/*
 * The name is a link that leads now to a free program and now to the blocked one.
 *
 * under blocks: stopped
 * under programs: stopped
 */
#include "attack.h"

/* flip lets the link lead from one to the other in turn, until it is killed. */
static pid_t flip(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	for (;;) {
		symlink("/w/bin/ok", "/w/free/next");
		rename("/w/free/next", "/w/free/flip");
		symlink("/w/bin/victim", "/w/free/next");
		rename("/w/free/next", "/w/free/flip");
	}
}

ATTACK
{
	int error = EACCES;
	pid_t pid = flip();

	for (int i = 0; i < 25 && error; i++)
		error = runs_with("/w/free/flip", (char *[]){ "flip", "which", NULL }, NULL);
	kill(pid, SIGKILL);
	return error == ECHILD || error == ENOENT ? EACCES : error;
}
