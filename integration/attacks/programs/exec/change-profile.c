/*
 * The attacker asks AppArmor for another profile, now and for its next execve.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	/* Where there is no AppArmor, or nothing to ask for, these fail. */
	put("/proc/self/attr/current", "changeprofile unconfined");
	put("/proc/self/attr/apparmor/current", "changeprofile unconfined");
	put("/proc/self/attr/apparmor/exec", "exec unconfined");
	if (steal("/w/secret") == 0)
		return 0;
	return runs_with("/w/bin/ok", (char *[]){ "ok", "steal", NULL }, NULL);
}
