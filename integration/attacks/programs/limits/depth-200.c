/*
 * Two hundred directories below a blocked one.
 *
 * under limits: stopped
 */
#include "attack.h"

ATTACK
{
	char path[512] = "/long/deep";

	for (int i = 0; i < 200; i++)
		strcat(path, "/d");
	strcat(path, "/secret");
	return steal(path);
}
