/*
 * io_uring makes the system call that is blocked.
 *
 * under calls: stopped
 */
#include "attack.h"
#include <linux/io_uring.h>

ATTACK
{
	struct uring u;
	struct io_uring_sqe sqe = { .opcode = IORING_OP_MKDIRAT, .fd = AT_FDCWD, .addr = (uintptr_t)"/w/free/made", .len = 0777 };
	int error = uring_make(&u, 0), result;

	if (error)
		return error;
	result = uring_do(&u, &sqe);
	return result < 0 ? -result : 0;
}
