/*
 * The source hands its open file over: a descriptor carries the verdict of its opening.
 *
 * under sources: works; apparmor: apparmor-source-descriptor
 */
#include "attack.h"

ATTACK
{
	int ends[2], fd, status;
	union {
		char bytes[CMSG_SPACE(sizeof fd)];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr message = { .msg_iov = &(struct iovec){ (char[1]){ 0 }, 1 }, .msg_iovlen = 1,
				  .msg_control = control.bytes, .msg_controllen = sizeof control.bytes };
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) < 0)
		return errno;
	pid = fork();
	if (pid == 0) {
		if (dup2(ends[1], 3) < 0)
			_exit(errno);
		execl("/w/bin/keeper", "keeper", "hand", "3", NULL);
		_exit(errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	if (WEXITSTATUS(status))
		return WEXITSTATUS(status);
	if (recvmsg(ends[0], &message, MSG_DONTWAIT) < 0)
		return errno;
	if (!CMSG_FIRSTHDR(&message) || CMSG_FIRSTHDR(&message)->cmsg_type != SCM_RIGHTS)
		return EACCES;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
	return reads(fd);
}
