/* SPDX-License-Identifier: GPL-2.0-only */
/* What comes of a verdict. */
#ifndef PREARM_GUARD_REPORT_H
#define PREARM_GUARD_REPORT_H

#include "judge.h"

enum guard_hook {
	GUARD_OPEN,
	GUARD_CREATE,
	GUARD_CHANGE, /* truncate, chmod, chown */
	GUARD_REMOVE,
	GUARD_RENAME,
	GUARD_LINK,
	GUARD_CONNECT,
	GUARD_EXEC,
	GUARD_MAP,
};

/* An event about a verdict that does not just permit. Not every object has a place. */
static __always_inline void report(const struct judged *j, enum guard_hook hook, __u64 verdict, const struct place *object)
{
}

/* Whether a verdict refuses what the hook is about; reports it where it says so. */
static __always_inline _Bool refused(const struct judged *j, enum guard_hook hook, __u64 verdict, const struct place *object)
{
	if (action_of(verdict) == GUARD_PERMIT)
		return 0;
	report(j, hook, verdict, object);
	return action_of(verdict) != GUARD_AUDIT;
}

#endif
