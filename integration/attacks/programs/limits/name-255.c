/*
 * A name of 255 bytes, the longest.
 *
 * under limits: stopped
 */
#include "attack.h"

ATTACK
{
	char path[300] = "/long/";

	memset(path + 6, 'a', 255);
	return steal(path);
}
