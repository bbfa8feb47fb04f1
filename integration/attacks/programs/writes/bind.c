/*
 * The blocked directory gets a socket, by bind.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "/w/vault/new" };

	return ended(bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&at, sizeof at));
}
