/*
 * Directories change places while the program below one of them is executed.
 *
 * under blocks: stopped
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	int error = EACCES;
	pid_t pid;

	if (mkdir("/w/free/one", 0777) < 0 || mkdir("/w/free/two", 0777) < 0 ||
	    symlink("/w/bin", "/w/free/one/bin") < 0 || symlink("/w/tools", "/w/free/two/bin") < 0)
		return errno;
	pid = fork();
	if (pid == 0)
		for (;;)
			renameat2(AT_FDCWD, "/w/free/one", AT_FDCWD, "/w/free/two", RENAME_EXCHANGE);
	for (int i = 0; i < 25 && error; i++) {
		error = runs("/w/free/one/bin/victim");
		if (error)
			error = runs("/w/free/two/bin/tool");
	}
	kill(pid, SIGKILL);
	return error == ENOENT ? EACCES : error;
}
