/*
 * TCP over IPv6.
 *
 * under protocols: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_INET6, SOCK_STREAM, 0));
}
