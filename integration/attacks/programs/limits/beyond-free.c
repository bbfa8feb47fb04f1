/*
 * Such a path where nothing is blocked.
 *
 * under limits: works
 */
#include "attack.h"

ATTACK
{
	char name[251] = { 0 };

	memset(name, 'c', 250);
	if (chdir("/long/free") < 0)
		return errno;
	for (int i = 0; i < 20; i++)
		if (chdir(name) < 0)
			return errno;
	return steal("secret");
}
