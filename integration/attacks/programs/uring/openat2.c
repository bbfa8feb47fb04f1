/*
 * io_uring opens the file by openat2.
 *
 * under blocks: stopped
 */
#include "attack.h"
#include <linux/io_uring.h>
#include <linux/openat2.h>

ATTACK
{
	struct uring u;
	struct open_how how = { .flags = O_RDONLY };
	struct io_uring_sqe sqe = { .opcode = IORING_OP_OPENAT2, .fd = AT_FDCWD, .addr = (uintptr_t)"/w/secret", .addr2 = (uintptr_t)&how, .len = sizeof how };
	int error = uring_make(&u, 0), result;

	if (error)
		return error;
	result = uring_do(&u, &sqe);
	if (result < 0)
		return -result;
	return reads(result);
}
