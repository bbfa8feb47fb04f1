/*
 * openat2 resolves the name beneath a directory.
 *
 * under blocks: stopped
 */
#include "attack.h"
#include <linux/openat2.h>

ATTACK
{
	struct open_how how = { .flags = O_RDONLY, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };

	return reads(syscall(SYS_openat2, open("/w", O_PATH), "secret", &how, sizeof how));
}
