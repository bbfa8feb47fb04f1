/*
 * The name goes through another directory and back.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return steal("/w/free/dir/../../secret");
}
