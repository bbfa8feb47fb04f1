/*
 * The file is removed, to be made anew.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (unlink("/w/fixed") < 0)
		return errno;
	return put("/w/fixed", "new\n");
}
