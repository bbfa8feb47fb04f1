/* SPDX-License-Identifier: GPL-2.0-only */
/* Who acts, and by which ruleset that is judged. */
#ifndef PREARM_GUARD_JUDGE_H
#define PREARM_GUARD_JUDGE_H

#include "kernel.h"
#include "match.h"

/* The current task, of an armed container. */
struct judged {
	struct task *task;
	const struct guarded *self; /* its container; NULL if that is disarmed */
	void *image;                /* its ruleset; NULL if there is none that can be read, which blocks */
	__u32 source;               /* its source class */
};

/*
 * A ruleset that is replaced may go between the look at the container's record
 * and that for the image. Then the record says another, which is there.
 */
#define SWAPS 4

/* Finds the container of a task's record, and its image. */
static __always_inline void find_image(struct judged *j)
{
	j->image = 0;
	for (int i = 0; i < SWAPS && !j->image; i++) {
		j->self = bpf_map_lookup_elem(&guardeds, &j->task->container);
		if (!j->self)
			return;
		j->image = bpf_map_lookup_elem(&images, &j->self->ruleset);
	}
	if (j->image && low(cell(j->image, IMAGE_FORMAT)) != IMAGE_VERSION)
		j->image = 0;
}

/* Whether the current task is judged at all: no task of any container but the armed is. */
static __always_inline _Bool judged(struct judged *j)
{
	__u64 current = bpf_get_current_task();

	j->task = bpf_map_lookup_elem(&tasks, &current);
	if (!j->task)
		return 0;
	find_image(j);
	j->source = j->task->source;
	return 1;
}

/*
 * The verdict in a table of the image, or on mounting, where number is that of
 * the cell. 0, which is REASON_MISSING, without an image.
 */
static __always_inline __u64 verdict_at(const struct judged *j, __u32 number)
{
	return j->image ? cell(j->image, number) : 0;
}

#endif
