/*
 * A listed script has an interpreter that is not on the list.
 *
 * under programs: stopped; apparmor: apparmor-interpreter
 */
#include "attack.h"

ATTACK
{
	int error = put("/w/listed", "#!/w/bin/interp victim\n");

	if (error || chmod("/w/listed", 0777) < 0)
		return error ? error : errno;
	return runs_with("/w/listed", (char *[]){ "listed", NULL }, NULL);
}
