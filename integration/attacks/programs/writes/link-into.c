/*
 * The blocked directory gets a hard link of a file from elsewhere.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(link("/w/free/file", "/w/vault/new"));
}
