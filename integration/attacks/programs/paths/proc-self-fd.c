/*
 * The name begins at an open directory that /proc shows.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	char name[64];
	int fd = open("/w/vault", O_PATH | O_DIRECTORY);

	if (fd < 0)
		return errno;
	snprintf(name, sizeof name, "/proc/self/fd/%d/inner/gold", fd);
	return steal(name);
}
