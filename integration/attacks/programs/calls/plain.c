/*
 * The blocked system call.
 *
 * under calls: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(syscall(SYS_mkdirat, AT_FDCWD, "/w/free/made", 0777));
}
