/*
 * The file is changed through a shared mapping.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	int fd = open("/w/fixed", O_RDWR);
	char *at;

	if (fd < 0)
		return errno;
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return errno;
	*at = 'F';
	return 0;
}
