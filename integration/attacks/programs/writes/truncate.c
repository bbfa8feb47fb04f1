/*
 * The file is cut by its name.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(truncate("/w/fixed", 0));
}
