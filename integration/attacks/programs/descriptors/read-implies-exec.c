/*
 * A personality turns every mapping for reading into one of code.
 *
 * under blocks: stopped
 */
#include "attack.h"
#include <sys/personality.h>

ATTACK
{
	if (personality(READ_IMPLIES_EXEC) < 0)
		return errno;
	return mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open("/w/bin/victim", O_RDONLY), 0) == MAP_FAILED ? errno : 0;
}
