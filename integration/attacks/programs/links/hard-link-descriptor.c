/*
 * The file gets another name through a descriptor for nothing.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	char name[32];
	int fd = open("/w/secret", O_PATH);

	if (fd < 0)
		return errno;
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, name, AT_FDCWD, "/w/free/hard2", AT_SYMLINK_FOLLOW) < 0)
		return errno;
	return steal("/w/free/hard2");
}
