/*
 * A raw socket of IP.
 *
 * under protocols: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_INET, SOCK_RAW, IPPROTO_TCP));
}
