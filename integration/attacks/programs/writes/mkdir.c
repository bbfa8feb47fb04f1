/*
 * The blocked directory gets a directory.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(mkdir("/w/vault/new", 0777));
}
