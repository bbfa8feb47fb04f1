/*
 * From a control group below the container's own, the socket is made.
 *
 * under protocols: stopped
 * needs: control groups of version 2
 */
#include "attack.h"

/* leave moves the caller to a child of its control group: an errno. */
static int leave(void)
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

static int act(void)
{
	return ended(socket(AF_INET, SOCK_STREAM, 0));
}

ATTACK
{
	int error = leave();

	return error ? error : fork_and(act);
}
