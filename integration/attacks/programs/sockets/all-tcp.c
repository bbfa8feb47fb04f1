/*
 * TCP, with all of the network blocked.
 *
 * under no-network: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_INET, SOCK_STREAM, 0));
}
