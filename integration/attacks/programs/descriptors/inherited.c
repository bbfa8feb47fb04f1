/*
 * A descriptor that was opened before an execve may be read after it.
 *
 * under blocks: works
 */
#include "attack.h"

ATTACK
{
	int fd = open("/w/free/file", O_RDONLY);
	char name[32];

	if (fd < 0)
		return errno;
	snprintf(name, sizeof name, "/dev/fd/%d", fd);
	return runs_with("/bin/cat", (char *[]){ "cat", name, NULL }, NULL) == ECHILD ? 0 : EACCES;
}
