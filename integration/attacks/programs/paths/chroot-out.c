/*
 * A descriptor leads out of a root of its own, to names that the kernel cannot tell from it.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	int out = open("/w", O_PATH | O_DIRECTORY);

	if (out < 0 || chroot("/w/free") < 0)
		return errno;
	return steal_at(out, "secret");
}
