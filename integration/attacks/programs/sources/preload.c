/*
 * A library of the attacker's is loaded into the source.
 *
 * under sources: stopped
 */
#include "attack.h"

ATTACK
{
	return runs_with("/w/bin/reader", (char *[]){ "reader", NULL },
			 (char *[]){ "LD_PRELOAD=/w/evil.so", "EVIL=/w/ledger", NULL });
}
