/*
 * The fourth access mode opens for neither reading nor writing, and its descriptor again for both.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return ended(reopen(open("/w/fixed", 3), O_RDWR));
}
