/*
 * Multipath TCP, with nothing but UDP permitted.
 *
 * under network-list: stopped
 * needs: MPTCP
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_INET, SOCK_STREAM, 262));
}
