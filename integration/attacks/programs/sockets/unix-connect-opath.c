/*
 * It is connected to by the name of a descriptor for nothing.
 *
 * under blocks: stopped; apparmor: apparmor-unix-connect
 */
#include "attack.h"

ATTACK
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = open("/v/socket", O_PATH);

	if (fd < 0)
		return errno;
	snprintf(to.sun_path, sizeof to.sun_path, "/proc/self/fd/%d", fd);
	return ended(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof to));
}
