/*
 * A name of one byte: the root is listed.
 *
 * under limits: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(open("/", O_RDONLY | O_DIRECTORY));
}
