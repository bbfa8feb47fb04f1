/*
 * A packet socket without the link's header.
 *
 * under protocols: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_PACKET, SOCK_DGRAM, htons(3)));
}
