/*
 * Another file is mounted over the one that may only be read.
 *
 * under blocks: stopped
 * under admin: stopped
 */
#include "attack.h"

ATTACK
{
	int error = own_mounts();

	if (error)
		return error;
	return ended(mount("/w/free/file", "/w/fixed", NULL, MS_BIND, NULL));
}
