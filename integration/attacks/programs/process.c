/* What attacks do with processes. */
#include "attack.h"

extern char **environ;

int won(int status)
{
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status) == WON ? 0 : WEXITSTATUS(status) ? WEXITSTATUS(status) : ECHILD;
}

int as_user(uid_t uid, int (*act)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int error = uid ? ended(setresuid(uid, uid, uid)) : 0;

		if (!error)
			error = act();
		_exit(error ? error : WON);
	}
	return pid < 0 || waitpid(pid, &status, 0) < 0 ? errno : won(status);
}

int leave_cgroup(void)
{
	static const char *const groups[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	char name[64];

	for (int i = 0; i < 2; i++) {
		snprintf(name, sizeof name, "%s/cgroup.procs", groups[i]);
		if (access(name, F_OK) < 0)
			continue;
		snprintf(name, sizeof name, "%s/child", groups[i]);
		if (mkdir(name, 0755) < 0 && errno != EEXIST)
			return errno;
		strcat(name, "/cgroup.procs");
		return put(name, "0");
	}
	return ENOENT;
}

int fork_and(int (*act)(void))
{
	return as_user(0, act);
}

/* execute runs a program in a child; what keeps it from its execve comes through a pipe. */
static int execute(int dir, const char *path, int flags, char *const argv[], char *const envp[])
{
	int pipes[2], status, error = 0;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return errno;
	pid = fork();
	if (pid == 0) {
		execveat(dir, path, argv, envp, flags);
		error = errno;
		_exit(write(pipes[1], &error, sizeof error) == sizeof error ? error : ECHILD);
	}
	close(pipes[1]);
	if (pid < 0 || read(pipes[0], &error, sizeof error) < 0 || waitpid(pid, &status, 0) < 0)
		error = errno;
	close(pipes[0]);
	return error ? error : won(status);
}

int runs_with(const char *path, char *const argv[], char *const envp[])
{
	return execute(AT_FDCWD, path, 0, argv, envp);
}

int runs(const char *path)
{
	return runs_with(path, (char *[]){ (char *)path, "victim", NULL }, environ);
}

int runs_fd(int fd)
{
	return fd < 0 ? errno : execute(fd, "", AT_EMPTY_PATH, (char *[]){ "program", "victim", NULL }, environ);
}

int own_mounts(void)
{
	if (unshare(CLONE_NEWNS) == 0)
		return 0;
	return ended(unshare(CLONE_NEWUSER | CLONE_NEWNS));
}

int root_of_own(void)
{
	int error;

	/* Who has made no user namespace is root already. */
	if (geteuid() == 0)
		return 0;
	error = put("/proc/self/uid_map", "0 0 1");
	if (!error)
		error = put("/proc/self/setgroups", "deny");
	if (!error)
		error = put("/proc/self/gid_map", "0 0 1");
	return error ? error : setresuid(0, 0, 0) < 0 ? errno : 0;
}

volatile int order;

pid_t keeper(const char *as, const char *name)
{
	char file[32], now[16];
	size_t length = strlen(name);
	pid_t pid = fork();

	if (pid == 0) {
		execl("/w/bin/keeper", "keeper", as, NULL);
		_exit(errno);
	}
	snprintf(file, sizeof file, "/proc/%d/comm", pid);
	while (pid > 0) {
		int fd = open(file, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : read(fd, now, sizeof now);

		close(fd);
		if (n > (ssize_t)length && !strncmp(now, name, length))
			break;
		if (n < 0 || waitpid(pid, NULL, WNOHANG) != 0) {
			errno = ECHILD;
			return -1;
		}
		usleep(1000);
	}
	return pid;
}

int obeyed(pid_t keeper)
{
	int status;

	return waitpid(keeper, &status, 0) < 0 ? errno : won(status);
}

pid_t sibling(void)
{
	for (pid_t pid = 2; pid < 1 << 16; pid++) {
		char name[32], line[64] = { 0 };
		int fd;

		snprintf(name, sizeof name, "/proc/%d/cmdline", pid);
		fd = open(name, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (read(fd, line, sizeof line - 1) > 0 && !strcmp(line + strlen(line) + 1, "wait")) {
			close(fd);
			return pid;
		}
		close(fd);
	}
	return -1;
}
