/*
 * SCTP, with nothing but TCP and UDP permitted.
 *
 * under network-list: stopped
 * needs: SCTP
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP));
}
