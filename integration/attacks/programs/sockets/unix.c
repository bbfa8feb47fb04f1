/*
 * A unix socket is meant by no rule.
 *
 * under protocols: works
 * under no-network: works
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_UNIX, SOCK_STREAM, 0));
}
