/* io_uring without a library: one request at a time. */
#include "attack.h"
#include <linux/io_uring.h>

int uring_make(struct uring *u, unsigned flags)
{
	struct io_uring_params p = { .flags = flags, .sq_thread_idle = 1000 };
	size_t size;
	char *rings;

	u->flags = flags;
	u->fd = syscall(SYS_io_uring_setup, 4, &p);
	if (u->fd < 0)
		return errno;
	size = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	if (size < p.sq_off.array + p.sq_entries * sizeof(unsigned))
		size = p.sq_off.array + p.sq_entries * sizeof(unsigned);
	rings = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, u->fd, IORING_OFF_SQ_RING);
	u->sqes = mmap(NULL, p.sq_entries * sizeof *u->sqes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, u->fd,
	               IORING_OFF_SQES);
	if (rings == MAP_FAILED || u->sqes == MAP_FAILED)
		return errno;
	u->rings = rings;
	u->sq_tail = (unsigned *)(rings + p.sq_off.tail);
	u->sq_flags = (unsigned *)(rings + p.sq_off.flags);
	u->sq_array = (unsigned *)(rings + p.sq_off.array);
	u->cq_head = (unsigned *)(rings + p.cq_off.head);
	u->cq_tail = (unsigned *)(rings + p.cq_off.tail);
	u->cq_mask = (unsigned *)(rings + p.cq_off.ring_mask);
	u->cqes = rings + p.cq_off.cqes;
	return 0;
}

int uring_do(struct uring *u, const struct io_uring_sqe *sqe)
{
	struct io_uring_cqe *cqe;
	unsigned tail = *u->sq_tail, head, enter = IORING_ENTER_GETEVENTS;
	int submitted = 1;

	u->sqes[0] = *sqe;
	u->sq_array[tail & 3] = 0;
	__atomic_store_n(u->sq_tail, tail + 1, __ATOMIC_RELEASE);
	if (u->flags & IORING_SETUP_SQPOLL) { /* the kernel's thread takes it, and may sleep */
		submitted = 0;
		enter |= IORING_ENTER_SQ_WAKEUP;
	}
	if (syscall(SYS_io_uring_enter, u->fd, submitted, 1, enter, NULL, 0) < 0)
		return -errno;
	head = *u->cq_head;
	if (head == __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE))
		return -EAGAIN;
	cqe = (struct io_uring_cqe *)u->cqes + (head & *u->cq_mask);
	__atomic_store_n(u->cq_head, head + 1, __ATOMIC_RELEASE);
	return cqe->res;
}
