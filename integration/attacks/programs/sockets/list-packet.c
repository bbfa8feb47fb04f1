/*
 * A packet socket, with nothing but UDP permitted.
 *
 * under network-list: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_PACKET, SOCK_DGRAM, htons(3)));
}
