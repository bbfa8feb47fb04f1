/*
 * The file gets another name through a descriptor and an empty one (CAP_DAC_READ_SEARCH).
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (linkat(open("/w/secret", O_PATH), "", AT_FDCWD, "/w/free/hard3", AT_EMPTY_PATH) < 0)
		return errno;
	return steal("/w/free/hard3");
}
