/*
 * The file gets another name by a hard link.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (link("/w/secret", "/w/free/hard") < 0)
		return errno;
	return steal("/w/free/hard");
}
