/*
 * SMC, with all of the network blocked.
 *
 * under no-network: stopped
 * needs: SMC
 */
#include "attack.h"

ATTACK
{
	return ended(socket(43, SOCK_STREAM, 0));
}
