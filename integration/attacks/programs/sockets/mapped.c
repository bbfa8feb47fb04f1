/*
 * A socket of IPv6 connects to an address of IPv4.
 *
 * under protocols: stopped
 */
#include "attack.h"

ATTACK
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	to.sin6_addr.s6_addr[10] = to.sin6_addr.s6_addr[11] = 0xff;
	to.sin6_addr.s6_addr[12] = 127, to.sin6_addr.s6_addr[15] = 1;
	return fd < 0 ? errno : ended(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof to));
}
