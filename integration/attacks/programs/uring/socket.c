/*
 * io_uring makes the socket.
 *
 * under protocols: stopped
 */
#include "attack.h"
#include <linux/io_uring.h>

ATTACK
{
	struct uring u;
	struct io_uring_sqe sqe = { .opcode = IORING_OP_SOCKET, .fd = AF_INET, .off = SOCK_STREAM, .len = 0 };
	int error = uring_make(&u, 0), result;

	if (error)
		return error;
	result = uring_do(&u, &sqe);
	return result < 0 ? -result : 0;
}
