/*
 * io_uring opens the file into a table of its own, and reads it there.
 *
 * under blocks: stopped
 */
#include "attack.h"
#include <linux/io_uring.h>

ATTACK
{
	struct uring u;
	char text[8] = { 0 };
	int none = -1;
	struct io_uring_sqe sqe = { .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)"/w/secret", .open_flags = O_RDONLY, .file_index = 1 };
	int error = uring_make(&u, 0), result;

	if (error)
		return error;
	if (syscall(SYS_io_uring_register, u.fd, IORING_REGISTER_FILES, &none, 1) < 0)
		return errno;
	result = uring_do(&u, &sqe);
	if (result < 0)
		return -result;
	sqe = (struct io_uring_sqe){ .opcode = IORING_OP_READ, .flags = IOSQE_FIXED_FILE, .fd = 0, .addr = (uintptr_t)text, .len = 7 };
	result = uring_do(&u, &sqe);
	if (result < 0)
		return -result;
	return strcmp(text, SECRET) ? ENODATA : 0;
}
