/*
 * The world of the attacks, in a container's root.
 *
 *   /w/secret              blocked
 *   /w/sub/deep/hidden     blocked
 *   /w/vault/              blocked with all below: gold, inner/gold
 *   /w/fixed               may be read only
 *   /w/ledger              for /w/bin/keeper and /w/bin/reader alone, by some policies
 *   /w/free/               nobody's: file, dir/
 *   /w/bin/                programs: victim and interp are blocked, dynamic too (it needs the loader);
 *                          keeper and reader (dynamic) are sources; capable has a file capability,
 *                          rooted is setuid; ok is free
 *   /w/tools/              blocked programs of a directory: tool, moved
 *   /w/script, /w/nested   scripts of interp, and of that script
 *   /w/again               a script of whatever executes it
 *   /w/evil.so             a library that reads what $EVIL names as soon as it is loaded
 *   /long                  what limits/ is about, see there
 *
 * Static programs are links of one file, /attack/run, which says by its arguments what it is to be.
 */
#include "attack.h"
#include <ftw.h>
#include <linux/capability.h>
#include <sys/xattr.h>

static void must(long ret, const char *what)
{
	if (ret < 0) {
		fprintf(stderr, "make the world: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static void file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	must(fd, path);
	must(write(fd, text, strlen(text)), path);
	must(fchmod(fd, mode), path);
	must(close(fd), path);
}

static void folder(const char *path)
{
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		must(-1, path);
}

static void program(const char *of, const char *path)
{
	must(link(of, path), path);
}

/*
 * grant gives a program CAP_NET_RAW, as setcap cap_net_raw+ep does. In a user namespace that does
 * not own the file system it cannot, and no attack there is about it.
 */
static void grant(const char *path)
{
	struct vfs_cap_data data = { .magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		                     .data[0].permitted = 1 << CAP_NET_RAW };

	if (setxattr(path, "security.capability", &data, sizeof data, 0) < 0 && errno != EPERM)
		must(-1, path);
}

/* fill makes what attacks may change, in the working directory; above is the image's root. */
static void fill(const char *above)
{
	char run[4096], dynamic[4096], evil[4096];

	snprintf(run, sizeof run, "%s/attack/run", above);
	snprintf(dynamic, sizeof dynamic, "%s/attack/dynamic", above);
	snprintf(evil, sizeof evil, "%s/attack/evil.so", above);
	for (const char *const *f = (const char *const[]){ "sub", "sub/deep", "vault", "vault/inner", "free", "free/dir",
	                                                   "bin", "tools", NULL }; *f; f++)
		folder(*f);
	for (const char *const *f = (const char *const[]){ "secret", "sub/deep/hidden", "vault/gold", "vault/inner/gold",
	                                                   "ledger", NULL }; *f; f++)
		file(*f, SECRET, 0666);
	file("fixed", "fixed\n", 0666);
	file("free/file", "free\n", 0666);
	file("script", "#!/w/bin/interp victim\n", 0777);
	file("nested", "#!/w/script\n", 0777);
	file("again", "#!/proc/self/exe\n", 0777);
	for (const char *const *p = (const char *const[]){ "bin/victim", "bin/interp", "bin/ok", "bin/keeper", "tools/tool",
	                                                   "tools/moved", NULL }; *p; p++)
		program(run, *p);
	program(dynamic, "bin/dynamic");
	program(dynamic, "bin/reader");
	program(evil, "evil.so");
	must(copy(run, "bin/capable", 0755) ? -1 : 0, "bin/capable");
	must(copy(run, "bin/rooted", 04755) ? -1 : 0, "bin/rooted");
	grant("bin/capable");
}

/* nest makes nested directories in the working directory, enters them, and puts a secret at the end. */
static void nest(const char *name, int times, const char *secret)
{
	for (int i = 0; i < times; i++) {
		folder(name);
		must(chdir(name), name);
	}
	file(secret, SECRET, 0666);
}

/* many is a name of n times the same letter. */
static const char *many(char letter, int n)
{
	static char name[256];

	memset(name, letter, n);
	name[n] = 0;
	return name;
}

/* lengthen makes /long, in the working directory. */
static void lengthen(void)
{
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char last[68];

	must(here, "/long");
	strcpy(last, many('e', 67));
	file(many('a', 255), SECRET, 0666);
	for (const char *const *f = (const char *const[]){ "p", "deep", "beyond", "free", NULL }; *f; f++) {
		must(fchdir(here), "/long");
		folder(*f);
		must(chdir(*f), *f);
		switch (**f) {
		case 'p': /* 4,095 bytes in all */
			nest(many('b', 200), 20, last);
			break;
		case 'd':
			nest("d", 200, "secret");
			break;
		default: /* 5,000 bytes and more */
			nest(many('c', 250), 20, "secret");
		}
	}
	must(close(here), "/long");
}

void make_world(const char *image)
{
	must(chdir(image), image);
	folder("w");
	folder("long");
	must(chdir("w"), "w");
	fill("..");
	must(chdir("../long"), "long");
	lengthen();
}

static int drop(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind;
	return at->level > 0 ? remove(path) : 0;
}

static uint64_t mark;

/* note adds what would be another if an attack had changed something to the mark. */
static int note(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	uint64_t parts[] = { st->st_ino, st->st_mode, st->st_ctim.tv_sec, st->st_ctim.tv_nsec, kind, at->level };

	for (; *path; path++)
		mark = mark * 1099511628211u + *path;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		mark = mark * 1099511628211u + parts[i];
	return 0;
}

/* renew_world puts /w back to what it was, if it is not. */
void renew_world(void)
{
	static uint64_t made;

	mark = 0;
	must(nftw("/w", note, 16, FTW_PHYS), "look at /w");
	if (mark == made)
		return;
	must(nftw("/w", drop, 16, FTW_DEPTH | FTW_PHYS), "remove what is in /w");
	must(chdir("/w"), "/w");
	fill("..");
	must(chdir("/"), "/");
	mark = 0;
	must(nftw("/w", note, 16, FTW_PHYS), "look at /w");
	made = mark;
}
