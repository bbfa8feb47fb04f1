/*
 * The program gets another name by a hard link.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	if (link("/w/bin/victim", "/w/free/hard-program") < 0)
		return errno;
	return runs("/w/free/hard-program");
}
