/*
 * io_uring connects to the blocked socket.
 *
 * under blocks: stopped; apparmor: apparmor-unix-connect since 6.8
 */
#include "attack.h"
#include <linux/io_uring.h>

ATTACK
{
	struct uring u;
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "/v/socket" };
	struct io_uring_sqe sqe = { .opcode = IORING_OP_CONNECT, .fd = socket(AF_UNIX, SOCK_STREAM, 0), .addr = (uintptr_t)&to, .off = sizeof to };
	int error = uring_make(&u, 0), result;

	if (error)
		return error;
	result = uring_do(&u, &sqe);
	return result < 0 ? -result : 0;
}
