/*
 * ICMPv6 over a datagram socket.
 *
 * under protocols: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6));
}
