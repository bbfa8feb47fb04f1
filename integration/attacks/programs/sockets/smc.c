/*
 * SMC falls back to TCP where nothing else is there.
 *
 * under protocols: stopped
 * needs: SMC
 */
#include "attack.h"

ATTACK
{
	return ended(socket(43, SOCK_STREAM, 0));
}
