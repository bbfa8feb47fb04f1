/*
 * A script without a name is executed, of a free interpreter.
 *
 * under blocks: stopped
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	int fd = memfd_create("script", 0);

	if (fd < 0 || dprintf(fd, "#!/w/bin/ok victim\n") < 0)
		return errno;
	return runs_fd(fd);
}
