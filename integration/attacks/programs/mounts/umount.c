/*
 * What hides a name is unmounted.
 *
 * under admin: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(umount2("/dev/shm", MNT_DETACH));
}
