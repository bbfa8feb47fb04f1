/*
 * Another than the source opens the file.
 *
 * under sources: stopped
 * under traced: stopped
 */
#include "attack.h"

ATTACK
{
	return steal("/w/ledger");
}
