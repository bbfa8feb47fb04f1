/*
 * A raw socket, with nothing but UDP permitted.
 *
 * under network-list: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_INET, SOCK_RAW, IPPROTO_UDP));
}
