/*
 * The program is mapped as code, for a loader of the attacker's own.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	int fd = open("/w/bin/victim", O_RDONLY);

	if (fd < 0)
		return errno;
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? errno : 0;
}
