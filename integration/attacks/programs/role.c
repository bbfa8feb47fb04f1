/*
 * What the program is in the world, by its first argument (a script's interpreter gets it from the
 * script's first line):
 *
 *   victim       a program that must not run
 *   which        is the victim only if its file's name says so
 *   raw          opens a raw socket; it has CAP_NET_RAW where files can give it
 *   chroot       changes its root; it is root where files can make it that
 *   keep         a source: waits for the order, and reads /w/ledger if it comes
 *   steal        reads /w/secret
 *   read         a source: reads /w/ledger
 *   hold         a source: opens /w/ledger and does nothing with it
 *   hand FD      a source: opens /w/ledger and hands it over through the socket FD
 *   dial HOW     a source: makes a TCP socket and executes /attack/run with it
 *   use HOW FD   uses a socket that somebody made
 *   again        executes its own file once more, to be the victim
 *   wait         does nothing for ever
 */
#include "attack.h"
#include <linux/io_uring.h>

static int which(void)
{
	char name[256] = { 0 };

	if (readlink("/proc/self/exe", name, sizeof name - 1) < 0)
		return errno;
	return strcmp(name, "/w/bin/victim") ? 0 : WON;
}

/* keep waits for seconds, on an emulated machine for more. */
static int keep(void)
{
	prctl(PR_SET_NAME, "keeps");
	for (int i = 0; i < 10000 && !order; i++)
		usleep(1000);
	if (!order)
		return EACCES;
	return steal("/w/ledger") ? errno : WON;
}

static int hold(void)
{
	int fd = open("/w/ledger", O_RDONLY);

	if (fd < 0)
		return errno;
	if (dup2(fd, 100) < 0 || prctl(PR_SET_NAME, "holds") < 0)
		return errno;
	for (;;)
		pause();
}

static int hand(int to)
{
	int fd = open("/w/ledger", O_RDONLY);
	union {
		char bytes[CMSG_SPACE(sizeof fd)];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr message = { .msg_iov = &(struct iovec){ "x", 1 }, .msg_iovlen = 1,
		                  .msg_control = control.bytes, .msg_controllen = sizeof control.bytes };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	if (fd < 0)
		return errno;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	return sendmsg(to, &message, 0) < 0 ? errno : 0;
}

static int dial(char *how)
{
	char number[16];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		return errno;
	snprintf(number, sizeof number, "%d", fd);
	execl("/attack/run", "run", "use", how, number, NULL);
	return errno;
}

/* use returns WON if the kernel would let it; that nobody listens does not matter. */
static int use(const char *how, int fd)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct stat st;
	int error;

	if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode))
		return EACCES; /* the kernel took it away */
	if (!strcmp(how, "uring")) {
		struct uring u;
		struct io_uring_sqe sqe = { .opcode = IORING_OP_CONNECT, .fd = fd, .addr = (uintptr_t)&to, .off = sizeof to };

		error = uring_make(&u, 0);
		if (!error)
			error = -uring_do(&u, &sqe);
	} else if (!strcmp(how, "listen")) {
		to.sin_port = 0;
		error = ended(bind(fd, (struct sockaddr *)&to, sizeof to));
		if (!error)
			error = ended(listen(fd, 1));
	} else {
		error = ended(connect(fd, (struct sockaddr *)&to, sizeof to));
	}
	return error == 0 || error == ECONNREFUSED ? WON : error;
}

int role(int argc, char **argv)
{
	const char *as = argc > 1 ? argv[1] : "";

	if (!strcmp(as, "victim"))
		return WON;
	if (!strcmp(as, "which"))
		return which();
	if (!strcmp(as, "raw"))
		return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) < 0 ? errno : WON;
	if (!strcmp(as, "chroot"))
		return chroot("/") < 0 ? errno : WON;
	if (!strcmp(as, "keep"))
		return keep();
	if (!strcmp(as, "read"))
		return steal("/w/ledger") ? errno : WON;
	if (!strcmp(as, "steal"))
		return steal("/w/secret") ? errno : WON;
	if (!strcmp(as, "hold"))
		return hold();
	if (!strcmp(as, "hand") && argc == 3)
		return hand(atoi(argv[2]));
	if (!strcmp(as, "dial") && argc == 3)
		return dial(argv[2]);
	if (!strcmp(as, "use") && argc == 4)
		return use(argv[2], atoi(argv[3]));
	if (!strcmp(as, "again")) {
		execl("/proc/self/exe", "again", "victim", NULL);
		return errno;
	}
	if (!strcmp(as, "wait"))
		for (;;)
			pause();
	return -1;
}
