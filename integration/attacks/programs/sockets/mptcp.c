/*
 * Multipath TCP is TCP.
 *
 * under protocols: stopped
 * needs: MPTCP
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_INET, SOCK_STREAM, 262));
}
