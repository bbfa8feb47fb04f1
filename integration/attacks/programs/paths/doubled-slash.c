/*
 * The name has more slashes than it takes.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return steal("//w///.//secret");
}
