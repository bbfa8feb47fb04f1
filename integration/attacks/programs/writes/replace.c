/*
 * Another file is put in its place.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	int error = put("/w/free/new", "new\n");

	return error ? error : ended(rename("/w/free/new", "/w/fixed"));
}
