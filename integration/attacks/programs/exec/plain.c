/*
 * The blocked program is executed by its name: if this succeeded, nothing else here would prove
 * anything.
 *
 * under blocks: stopped
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	return runs("/w/bin/victim");
}
