/*
 * openat2 takes a directory for the root.
 *
 * under blocks: stopped
 */
#include "attack.h"
#include <linux/openat2.h>

ATTACK
{
	struct open_how how = { .flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT };

	return reads(syscall(SYS_openat2, open("/w/sub", O_PATH), "/deep/hidden", &how, sizeof how));
}
