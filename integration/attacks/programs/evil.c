/* A library that acts before the program that it is loaded into: it reads what $EVIL names. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((constructor)) static void evil(void)
{
	char text[8] = { 0 };
	const char *name = getenv("EVIL");
	int fd = name ? open(name, O_RDONLY) : -1;

	if (name == NULL)
		return;
	if (fd < 0 || read(fd, text, 7) < 0)
		_exit(errno);
	_exit(strcmp(text, "secret\n") ? ENODATA : 42);
}
