/*
 * A file without a name (O_TMPFILE) is linked into the blocked directory.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	char name[32];
	int fd = open("/v", O_TMPFILE | O_RDWR, 0666);

	if (fd < 0)
		return errno;
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	return ended(linkat(AT_FDCWD, name, AT_FDCWD, "/v/vault/new", AT_SYMLINK_FOLLOW));
}
