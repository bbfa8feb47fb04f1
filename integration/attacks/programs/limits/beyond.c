/*
 * A path of more than 5,000 bytes, reached step by step, below a blocked directory.
 *
 * under limits: stopped
 */
#include "attack.h"

ATTACK
{
	char name[251] = { 0 };

	memset(name, 'c', 250);
	if (chdir("/long/beyond") < 0)
		return errno;
	for (int i = 0; i < 20; i++)
		if (chdir(name) < 0)
			return errno;
	return steal("secret");
}
