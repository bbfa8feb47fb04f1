/* SPDX-License-Identifier: GPL-2.0-only */
/* Who acts, and by which ruleset that is judged. */
#ifndef PREARM_GUARD_JUDGE_H
#define PREARM_GUARD_JUDGE_H

#include "kernel.h"
#include "match.h"
#include "path.h"

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

/* A walk from the start of one of the image's automata. */
static __always_inline void begin_walk(struct walk *w, const struct judged *j, const struct place *object, __u32 start)
{
	w->image = j->image;
	w->object = object;
	w->root_mount = j->self->root_mount;
	w->start = start;
}

/* The source class that stands for whatever is not known, strictest of all. */
static __always_inline __u32 any_source(const struct judged *j)
{
	return low(cell(j->image, IMAGE_SOURCES)) - 1;
}

/* Where a file is that its user has opened. */
static __always_inline struct place place_of(struct file *file)
{
	struct backing_file *backing = (void *)file;
	struct place place = {};
	__u32 mode = 0;

	if (bpf_core_field_exists(backing->user_path)) {
		peek(&mode, &file->f_mode);
		if (mode & FMODE_NOACCOUNT && mode & FMODE_BACKING) {
			peek(&place, &backing->user_path);
			return place;
		}
	}
	peek(&place, &file->f_path);
	return place;
}

/* Where the file is that the current task runs; of no dentry if there is none. */
static __always_inline struct place executable(void)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct mm_struct *mm = current->mm;

	return place_of(mm ? mm->exe_file : 0);
}

/* The source class of an executable; 0, which stands for all that no rule names, without an image. */
static __always_inline __u32 class_of(const struct judged *j, const struct place *executable)
{
	struct walk w = {};
	__u32 start;

	if (!j->image || !j->self)
		return 0;
	start = high(cell(j->image, IMAGE_SOURCES));
	if (!start)
		return 0;
	begin_walk(&w, j, executable, start);
	switch (resolve(&w)) {
	case RESOLVED:
		return row_of(j->image, w.state);
	case NAMELESS:
		return 0;
	default:
		return any_source(j);
	}
}

static __noinline __u32 source_of(const struct judged *j, const struct place *executable)
{
	return class_of(j, executable);
}

/*
 * Tells the source class of the current task. Sources are classes of one
 * ruleset; after a change of rulesets the class is that of the file that the
 * task runs still, if it has not made the kernel take another for that (prctl
 * PR_SET_MM_EXE_FILE). Does not call source_of, for want of stack.
 */
static __noinline void classify(struct judged *j)
{
	struct place now = executable();

	if (!j->image || !j->self)
		return;
	if (!j->task->executable)
		j->task->source = 0; /* a runtime has none on the way to its first exec inside */
	else if (now.dentry == j->task->executable)
		j->task->source = class_of(j, &now);
	else
		j->task->source = any_source(j);
	j->task->generation = j->self->generation;
}

/* Finds the ruleset for a task of this record, which is the current one. */
static __always_inline void judge_by(struct judged *j, struct task *task)
{
	j->task = task;
	find_image(j);
	if (j->image && task->generation != j->self->generation)
		classify(j);
	j->source = task->source;
}

/* Whether the current task is judged at all: only those of armed containers are. */
static __always_inline _Bool judged(struct judged *j)
{
	__u64 current = bpf_get_current_task();
	struct task *task = bpf_map_lookup_elem(&tasks, &current);

	if (!task)
		return 0;
	judge_by(j, task);
	return 1;
}

/* The verdict in that cell of the image. 0, which is REASON_MISSING, without an image. */
static __always_inline __u64 verdict_at(const struct judged *j, __u32 number)
{
	return j->image ? cell(j->image, number) : 0;
}

/* The stricter of two verdicts. */
static __always_inline __u64 stricter(__u64 a, __u64 b)
{
	return action_of(b) < action_of(a) ? b : a;
}

#endif
