/*
 * The blocked directory gets a file.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(open("/w/vault/new", O_RDONLY | O_CREAT, 0666));
}
