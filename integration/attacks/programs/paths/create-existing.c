/*
 * The file is opened as if to create it, which takes another way through the kernel.
 *
 * under blocks: stopped
 */
#include "attack.h"

ATTACK
{
	return reads(open("/w/secret", O_RDWR | O_CREAT, 0666));
}
