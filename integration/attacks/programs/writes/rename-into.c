/*
 * The blocked directory gets a file from elsewhere.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(rename("/w/free/file", "/w/vault/new"));
}
