/*
 * The program of the attacks.
 *
 *   run world IMAGE    makes the world that they find, in an image
 *   run fresh NAME...  performs attacks, each in a world made anew
 *   run bound NAME...  performs them in the world that is there
 *   run list           names them
 *
 * Each is performed in a process group of its own, without a standard output. A line says its name,
 * how it ended, which is 0, an errno, or 128 and the signal that ended it, and the milliseconds that
 * it took. What an attack leaves running is killed. Called with other words this is one of the
 * programs in the world, see role.c.
 */
#include "attack.h"
#include <time.h>

extern const struct attack *const __start_attacks[], *const __stop_attacks[];

/* An attack that takes longer hangs, on an emulated machine too. */
enum { SECONDS = 240 };

static const struct attack *find(const char *name)
{
	size_t length = strlen(name);

	for (const struct attack *const *a = __start_attacks; a < __stop_attacks; a++)
		if (!strncmp((*a)->file, name, length) && !strcmp((*a)->file + length, ".c"))
			return *a;
	return NULL;
}

static int list(void)
{
	for (const struct attack *const *a = __start_attacks; a < __stop_attacks; a++)
		printf("%.*s\n", (int)strlen((*a)->file) - 2, (*a)->file);
	return 0;
}

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int perform(const struct attack *a)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		alarm(SECONDS);
		dup2(open("/dev/null", O_WRONLY), 1);
		_exit(a->perform());
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	kill(-pid, SIGKILL);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	int as, fresh;

	umask(0);
	as = role(argc, argv);
	if (as >= 0)
		return as;
	if (argc == 2 && !strcmp(argv[1], "list"))
		return list();
	if (argc == 3 && !strcmp(argv[1], "world")) {
		make_world(argv[2]);
		return 0;
	}
	fresh = argc > 1 && !strcmp(argv[1], "fresh");
	if (!fresh && (argc < 2 || strcmp(argv[1], "bound"))) {
		fprintf(stderr, "usage: %s world IMAGE | fresh NAME... | bound NAME... | list\n", argv[0]);
		return 2;
	}
	for (int i = 2; i < argc; i++) {
		const struct attack *a = find(argv[i]);
		long began = milliseconds();
		int end;

		if (a == NULL) {
			fprintf(stderr, "no attack %s\n", argv[i]);
			return 2;
		}
		if (fresh)
			renew_world();
		end = perform(a);
		printf("%s %d %ld\n", argv[i], end, milliseconds() - began);
		fflush(stdout);
	}
	return 0;
}
