/*
 * A blocked directory is listed.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	char entries[1024];
	int fd = open("/w/vault", O_RDONLY | O_DIRECTORY);

	return fd < 0 ? errno : ended(syscall(SYS_getdents64, fd, entries, sizeof entries));
}
