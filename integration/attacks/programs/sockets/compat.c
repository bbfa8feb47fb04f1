/*
 * A 32-bit system call makes the socket.
 *
 * under protocols: stopped
 */
#include "attack.h"

ATTACK
{
	int ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(359), "b"(AF_INET), "c"(SOCK_STREAM), "d"(0) : "memory");
	return ret < 0 ? -ret : 0;
}
