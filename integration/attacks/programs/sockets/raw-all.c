/*
 * A raw socket that brings its own header.
 *
 * under protocols: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
}
