/*
 * The blocked file is opened by its name: if this succeeded, nothing else here would prove
 * anything.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return steal("/w/secret");
}
