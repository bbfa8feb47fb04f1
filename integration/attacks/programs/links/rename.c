/*
 * The file is moved to another name.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (rename("/w/secret", "/w/free/moved") < 0)
		return errno;
	return steal("/w/free/moved");
}
