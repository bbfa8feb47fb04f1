/*
 * A directory is moved out of the blocked one.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (rename("/w/vault/inner", "/w/free/inner") < 0)
		return errno;
	return steal("/w/free/inner/gold");
}
