/*
 * The file is cut by opening it for reading.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(open("/w/fixed", O_RDONLY | O_TRUNC));
}
