/*
 * The program is executed by the name of its descriptor.
 *
 * under blocks: stopped
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	char name[32];
	int fd = open("/w/bin/victim", O_PATH);

	if (fd < 0)
		return errno;
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	return runs(name);
}
