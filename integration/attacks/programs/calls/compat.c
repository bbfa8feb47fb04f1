/*
 * A 32-bit system call does what is blocked.
 *
 * under calls: stopped
 */
#include "attack.h"

ATTACK
{
	int ret;
	static char name[] = "/w/free/made"; /* at an address of 32 bits */

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(39), "b"(name), "c"(0777) : "memory");
	return ret < 0 ? -ret : 0;
}
