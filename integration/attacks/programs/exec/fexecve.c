/*
 * The program is executed by a descriptor.
 *
 * under blocks: stopped
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	return runs_fd(open("/w/bin/victim", O_RDONLY));
}
