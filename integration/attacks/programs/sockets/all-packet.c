/*
 * A packet socket, with all of the network blocked.
 *
 * under no-network: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_PACKET, SOCK_RAW, htons(3)));
}
