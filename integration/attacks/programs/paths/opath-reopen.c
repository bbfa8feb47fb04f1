/*
 * A descriptor that was opened for nothing (O_PATH) is opened again for reading.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return reads(reopen(open("/w/secret", O_PATH), O_RDONLY));
}
