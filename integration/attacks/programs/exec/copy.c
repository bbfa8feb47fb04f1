/*
 * A copy of the program under another name is another program.
 *
 * under blocks: by nature
 * under programs: stopped
 */
#include "attack.h"

ATTACK
{
	int error = copy("/w/bin/victim", "/w/free/program", 0777);

	return error ? error : runs("/w/free/program");
}
