/*
 * Two thousand threads open the file at once.
 *
 * under blocks: stopped
 */
#include "attack.h"
#include <pthread.h>

static int gate[2];
static volatile int got;

static void *one(void *unused)
{
	char end;

	if (read(gate[0], &end, 1) == 0 && steal("/w/secret") == 0)
		got = 1;
	return unused;
}

ATTACK
{
	static pthread_t threads[2000];
	pthread_attr_t small;
	int made = 0;

	if (pipe(gate) < 0)
		return errno;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	while (made < 2000 && pthread_create(&threads[made], &small, one, NULL) == 0)
		made++;
	close(gate[1]);
	for (int i = 0; i < made; i++)
		pthread_join(threads[i], NULL);
	if (made < 2000)
		return EAGAIN;
	return got ? 0 : EACCES;
}
