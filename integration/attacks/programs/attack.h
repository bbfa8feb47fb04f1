/*
 * What the attacks share. One file is one attack: its first comment says what it claims, and on
 * lines "under POLICY: RESULT" what has to come of it, see ../corpus.go. ATTACK begins its code,
 * which returns 0 if the attacker got what they came for, else the errno of what stopped them.
 *
 * The attacks find a world at /w, see world.c, and are linked into one static program, see main.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <netinet/in.h>

struct attack {
	const char *file; /* of the source, from its folder's parent: the attack's name and .c */
	int (*perform)(void);
};

/* ATTACK enters the function that follows into the program's list. */
#define ATTACK                                                                                     \
	static int perform(void);                                                                  \
	static const struct attack self = { __FILE__, perform };                                   \
	static const struct attack *const listed __attribute__((used, section("attacks"))) = &self; \
	static int perform(void)

/* SECRET is what stands in every file that the attacks are after. */
#define SECRET "secret\n"

/* WON is the exit status of a program that ran, or got the secret, against the rules. */
enum { WON = 42 };

/* ended is the errno of a system call, 0 if it succeeded. */
static inline int ended(long ret)
{
	return ret < 0 ? errno : 0;
}

/* The world. */
void make_world(const char *image);
void renew_world(void);

/* Files: 0 if the secret was read, else an errno. */
int reads(int fd);
int steal(const char *path);
int steal_at(int dir, const char *name);
int reopen(int fd, int flags); /* a descriptor, by its name below /proc/self/fd */
int put(const char *path, const char *text);
int copy(const char *from, const char *to, mode_t mode);

/* Processes. */
int leave_cgroup(void);                  /* moves the caller to a child of its control group: an errno */
int fork_and(int (*act)(void));          /* what act returns, in a child */
int as_user(uid_t uid, int (*act)(void)); /* the same as another user */
int won(int status);                     /* 0 if a child ended with WON, else its errno */
int runs(const char *path);              /* 0 if the program, told to be the victim, ran */
int runs_with(const char *path, char *const argv[], char *const envp[]);
int runs_fd(int fd); /* the same of a program by its descriptor alone */
int own_mounts(void); /* a mount namespace of the attacker's own, and a user namespace if it takes one */
int root_of_own(void);  /* makes the attacker root of the user namespace that it has made */
/*
 * keeper starts /w/bin/keeper in a role, and waits until it has taken the name that it has at work;
 * -1 if it does not get there.
 */
pid_t keeper(const char *role, const char *name);
pid_t sibling(void);  /* the other container, whose first process waits; -1 if there is none */
extern volatile int order; /* what the keeper obeys, at the same address in each process */
int obeyed(pid_t keeper);

/* io_uring, by its bare system calls. */
struct io_uring_sqe;
struct uring {
	int fd;
	unsigned flags;
	void *rings;
	struct io_uring_sqe *sqes;
	unsigned *sq_tail, *sq_array, *sq_flags, *cq_head, *cq_tail, *cq_mask;
	void *cqes;
};
int uring_make(struct uring *u, unsigned flags);
int uring_do(struct uring *u, const struct io_uring_sqe *sqe); /* its result: negative is an errno */

int role(int argc, char **argv); /* what the program does under another name; -1 if that is nothing */
