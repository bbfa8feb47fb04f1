/*
 * What the list does not have gets a listed name by a hard link.
 *
 * under files: stopped
 */
#include "attack.h"

ATTACK
{
	if (link("/w/secret", "/w/free/hard") < 0)
		return errno;
	return steal("/w/free/hard");
}
