/*
 * Another than the source makes the socket.
 *
 * under dialers: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_INET, SOCK_STREAM, 0));
}
