/*
 * io_uring removes the file that may only be read.
 *
 * under blocks: stopped
 */
#include "attack.h"
#include <linux/io_uring.h>

ATTACK
{
	struct uring u;
	struct io_uring_sqe sqe = { .opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = (uintptr_t)"/w/fixed" };
	int error = uring_make(&u, 0), result;

	if (error)
		return error;
	result = uring_do(&u, &sqe);
	return result < 0 ? -result : 0;
}
