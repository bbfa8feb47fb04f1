/*
 * The mode is changed through a descriptor for reading.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(fchmod(open("/w/fixed", O_RDONLY), 0777));
}
