/*
 * What the list does not have gets a listed name by moving.
 *
 * under files: stopped
 */
#include "attack.h"

ATTACK
{
	if (rename("/w/secret", "/w/free/moved") < 0)
		return errno;
	return steal("/w/free/moved");
}
