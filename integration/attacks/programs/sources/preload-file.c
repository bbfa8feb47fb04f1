/*
 * The loader's own configuration names the library.
 *
 * under sources: by nature
 * under sources-fixed: stopped
 */
#include "attack.h"

ATTACK
{
	int error = copy("/w/evil.so", "/usr/lib/evil.so", 0755);

	if (!error)
		error = put("/etc/ld.so.preload", "/usr/lib/evil.so\n");
	if (!error)
		error = runs_with("/w/bin/reader", (char *[]){ "reader", NULL }, (char *[]){ "EVIL=/w/ledger", NULL });
	unlink("/etc/ld.so.preload");
	unlink("/usr/lib/evil.so");
	return error;
}
