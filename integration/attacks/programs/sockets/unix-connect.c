/*
 * A blocked unix socket is connected to.
 *
 * under blocks: stopped; apparmor: apparmor-unix-connect
 */
#include "attack.h"

ATTACK
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "/v/socket" };

	return ended(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof to));
}
