/*
 * A packet socket in the old manner, as a socket of IP.
 *
 * under protocols: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_INET, 10, htons(3)));
}
