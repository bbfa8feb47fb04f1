/*
 * TCP, the plain way.
 *
 * under protocols: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_INET, SOCK_STREAM, 0));
}
