/*
 * A mapping of the program becomes code later.
 *
 * under blocks: stopped; apparmor: apparmor-mprotect
 */
#include "attack.h"

ATTACK
{
	void *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open("/w/bin/victim", O_RDONLY), 0);

	if (at == MAP_FAILED)
		return errno;
	return ended(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}
