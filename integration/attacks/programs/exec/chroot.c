/*
 * In a root of its own the attacker knows the program under another name.
 *
 * under blocks: stopped
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	return chroot("/w") < 0 ? errno : runs("/bin/victim");
}
