/*
 * What the list has for reading is written to.
 *
 * under files: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(open("/w/fixed", O_WRONLY));
}
