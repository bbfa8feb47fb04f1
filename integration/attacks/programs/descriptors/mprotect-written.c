/*
 * The same after the mapping was written to and is a copy in part.
 *
 * under blocks: stopped; apparmor: apparmor-mprotect
 */
#include "attack.h"

ATTACK
{
	char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, open("/w/bin/victim", O_RDONLY), 0);

	if (at == MAP_FAILED)
		return errno;
	*at = *at;
	return ended(mprotect(at, 8192, PROT_READ | PROT_EXEC));
}
