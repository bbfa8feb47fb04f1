/*
 * The capability is made ambient, so that it lasts through another user's execve.
 *
 * under capabilities: stopped
 */
#include "attack.h"
#include <linux/capability.h>

ATTACK
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return errno;
	data[0].inheritable |= 1 << CAP_NET_RAW;
	if (syscall(SYS_capset, &header, data) < 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) < 0)
		return errno;
	return runs_with("/w/bin/ok", (char *[]){ "ok", "raw", NULL }, NULL);
}
