/*
 * UDP-Lite is UDP.
 *
 * under protocols: stopped
 * needs: UDP-Lite
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_INET, SOCK_DGRAM, 136));
}
