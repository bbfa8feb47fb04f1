/*
 * A copy of what may be read is another file. This one may not.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	int error = copy("/w/secret", "/w/free/copy", 0666);

	return error ? error : steal("/w/free/copy");
}
