/*
 * io_uring moves the file.
 *
 * under blocks: stopped
 */
#include "attack.h"
#include <linux/io_uring.h>

ATTACK
{
	struct uring u;
	struct io_uring_sqe sqe = { .opcode = IORING_OP_RENAMEAT, .fd = AT_FDCWD, .addr = (uintptr_t)"/w/secret", .len = AT_FDCWD, .addr2 = (uintptr_t)"/w/free/moved" };
	int error = uring_make(&u, 0), result;

	if (error)
		return error;
	result = uring_do(&u, &sqe);
	if (result < 0)
		return -result;
	return steal("/w/free/moved");
}
