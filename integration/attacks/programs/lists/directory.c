/*
 * A directory above what is listed is listed.
 *
 * under files: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(open("/w", O_RDONLY | O_DIRECTORY));
}
