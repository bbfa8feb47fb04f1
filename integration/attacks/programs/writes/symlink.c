/*
 * The blocked directory gets a symbolic link.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(symlink("/w/free", "/w/vault/new"));
}
