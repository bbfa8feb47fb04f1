/*
 * The capability is used.
 *
 * under capabilities: stopped
 */
#include "attack.h"

ATTACK
{
	return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) < 0 ? errno : 0;
}
