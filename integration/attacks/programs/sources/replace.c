/*
 * The attacker puts another program in the place of the source.
 *
 * under sources: by nature
 * under sources-fixed: stopped
 */
#include "attack.h"

ATTACK
{
	int error = copy("/bin/cat", "/w/free/cat", 0755);

	if (error || rename("/w/free/cat", "/w/bin/reader") < 0)
		return error ? error : errno;
	return runs_with("/w/bin/reader", (char *[]){ "reader", "/w/ledger", NULL }, NULL) == ECHILD ? 0 : EACCES;
}
