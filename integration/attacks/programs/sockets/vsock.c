/*
 * vsock, with all of the network blocked.
 *
 * under no-network: stopped
 * needs: vsock
 */
#include "attack.h"

ATTACK
{
	return ended(socket(40, SOCK_STREAM, 0));
}
