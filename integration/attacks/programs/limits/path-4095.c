/*
 * A path of 4,095 bytes, the longest that a system call takes.
 *
 * under path-max: stopped
 * tier: long
 */
#include "attack.h"

ATTACK
{
	char path[4096] = "/long/p", *at = path + strlen(path);

	for (int i = 0; i < 20; i++) {
		*at++ = '/';
		memset(at, 'b', 200);
		at += 200;
	}
	*at++ = '/';
	memset(at, 'e', 67);
	at[67] = 0;
	return steal(path);
}
