/*
 * The library is first put where the base set has the libraries.
 *
 * under sources: by nature
 * under sources-fixed: stopped
 */
#include "attack.h"

ATTACK
{
	int error = copy("/w/evil.so", "/usr/lib/evil.so", 0755);

	if (error)
		return error;
	error = runs_with("/w/bin/reader", (char *[]){ "reader", NULL },
			  (char *[]){ "LD_PRELOAD=/usr/lib/evil.so", "EVIL=/w/ledger", NULL });
	unlink("/usr/lib/evil.so");
	return error;
}
