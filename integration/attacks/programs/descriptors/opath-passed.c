/*
 * A descriptor for nothing is passed over a unix socket, and opened again where it arrives.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	int ends[2], fd = open("/w/secret", O_PATH);
	union {
		char bytes[CMSG_SPACE(sizeof fd)];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr message = { .msg_iov = &(struct iovec){ "x", 1 }, .msg_iovlen = 1,
				  .msg_control = control.bytes, .msg_controllen = sizeof control.bytes };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	if (fd < 0 || socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) < 0)
		return errno;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	message.msg_iov = &(struct iovec){ (char[1]){ 0 }, 1 };
	if (sendmsg(ends[0], &message, 0) < 0 || close(fd) < 0 || recvmsg(ends[1], &message, 0) < 0)
		return errno;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
	return reads(reopen(fd, O_RDONLY));
}
