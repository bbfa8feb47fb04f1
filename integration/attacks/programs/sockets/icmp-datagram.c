/*
 * ICMP over a datagram socket.
 *
 * under protocols: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
}
