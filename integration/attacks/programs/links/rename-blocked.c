/*
 * The blocked directory is moved itself.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (rename("/w/vault", "/w/free/vault") < 0)
		return errno;
	return steal("/w/free/vault/gold");
}
