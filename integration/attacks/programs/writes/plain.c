/*
 * The file that may only be read is opened for writing.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(open("/w/fixed", O_WRONLY));
}
