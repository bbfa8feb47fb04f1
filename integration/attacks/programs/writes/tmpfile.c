/*
 * A file without a name is made in the blocked directory.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(open("/v/vault", O_TMPFILE | O_RDWR, 0666));
}
