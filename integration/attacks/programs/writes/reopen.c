/*
 * A descriptor for reading is opened again for writing.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(reopen(open("/w/fixed", O_RDONLY), O_WRONLY | O_APPEND));
}
