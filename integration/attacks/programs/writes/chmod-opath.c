/*
 * The mode is changed by the name of a descriptor for nothing.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	char name[32];
	int fd = open("/w/fixed", O_PATH);

	if (fd < 0)
		return errno;
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	return ended(chmod(name, 0777));
}
