/*
 * SMC over IP, of newer kernels, falls back to TCP as well.
 *
 * under protocols: stopped
 * needs: SMC over IP, Linux 6.11
 */
#include "attack.h"

ATTACK
{
	return ended(socket(AF_INET, SOCK_STREAM, 256));
}
