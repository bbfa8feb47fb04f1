/*
 * A copy of a mount that is attached nowhere leads to what the list does not have.
 *
 * under files: stopped
 */
#include "attack.h"

ATTACK
{
	int error = own_mounts();

	if (error)
		return error;
	return steal_at(syscall(SYS_open_tree, AT_FDCWD, "/w", OPEN_TREE_CLONE), "secret");
}
