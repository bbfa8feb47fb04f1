/*
 * The owner is changed through a descriptor for reading.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(fchown(open("/w/fixed", O_RDONLY), 1000, 1000));
}
