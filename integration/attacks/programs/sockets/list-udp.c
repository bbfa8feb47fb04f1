/*
 * What the list permits.
 *
 * under network-list: works
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_INET, SOCK_DGRAM, 0));
}
