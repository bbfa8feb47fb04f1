/*
 * What the list does not have.
 *
 * under files: stopped
 */
#include "attack.h"

ATTACK
{
	return steal("/w/secret");
}
