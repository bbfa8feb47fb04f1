/*
 * The name is relative to a working directory.
 *
 * under blocks: stopped
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	return chdir("/w/free/dir") < 0 ? errno : runs("../../bin/victim");
}
