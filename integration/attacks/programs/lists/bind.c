/*
 * What the list does not have is mounted over what it has.
 *
 * under files: by nature
 * under files-fixed: stopped
 */
#include "attack.h"

ATTACK
{
	int error = own_mounts();

	if (error || mount("/w/secret", "/w/free/file", NULL, MS_BIND, NULL) < 0)
		return error ? error : errno;
	return steal("/w/free/file");
}
