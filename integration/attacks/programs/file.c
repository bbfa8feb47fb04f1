/* What attacks do with files. */
#include "attack.h"

int reads(int fd)
{
	char text[sizeof SECRET] = { 0 };
	ssize_t n;

	if (fd < 0)
		return errno;
	n = read(fd, text, sizeof text - 1);
	if (n < 0)
		return errno;
	return strcmp(text, SECRET) ? ENODATA : 0;
}

int steal(const char *path)
{
	return steal_at(AT_FDCWD, path);
}

int steal_at(int dir, const char *name)
{
	return reads(openat(dir, name, O_RDONLY));
}

int reopen(int fd, int flags)
{
	char name[32];

	if (fd < 0)
		return fd;
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	return open(name, flags);
}

int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666), error;

	if (fd < 0)
		return errno;
	error = ended(write(fd, text, strlen(text)));
	close(fd);
	return error;
}

int copy(const char *from, const char *to, mode_t mode)
{
	static char buffer[1 << 16];
	int in = open(from, O_RDONLY | O_CLOEXEC), out, error;
	ssize_t n;

	if (in < 0)
		return errno;
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0777);
	if (out < 0) {
		error = errno;
		close(in);
		return error;
	}
	while ((n = read(in, buffer, sizeof buffer)) > 0)
		if (write(out, buffer, n) != n)
			break;
	error = n == 0 ? ended(fchmod(out, mode)) : errno;
	close(in);
	close(out);
	return error;
}
