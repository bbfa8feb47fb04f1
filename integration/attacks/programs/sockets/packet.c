/*
 * A packet socket.
 *
 * under protocols: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_PACKET, SOCK_RAW, htons(3)));
}
