/* SPDX-License-Identifier: GPL-2.0-only */
/* The process class: what is executed, and what else is mapped as code. */
#ifndef PREARM_GUARD_PROCESS_H
#define PREARM_GUARD_PROCESS_H

#include "file.h"
#include "identity.h"
#include "spelling.h"

/* The row of a file that is executed, by a name if it differs from the file's. */
static __noinline __u32 row_of_executed(const struct judged *j, const struct place *file, __u64 filename)
{
	struct walk w = {};
	__u64 rules;

	if (!j->image || !j->self)
		return 0;
	rules = cell(j->image, IMAGE_PROCESS);
	if (!low(rules))
		return ROW_FREE;
	begin_walk(&w, j, file, low(rules));
	switch (resolve(&w)) {
	case RESOLVED:
		if (filename && high(cell(j->image, IMAGE_FORMAT)) & IMAGE_NAMES)
			w.state = spell(&w, filename);
		return row_of(j->image, w.state);
	case NAMELESS:
		return low(cell(j->image, IMAGE_SPECIAL));
	default:
		return high(rules);
	}
}

/* Whether it is the posture that answered, and for no rule's closed object, which the verdict would name. */
static __always_inline _Bool unlisted(__u64 verdict)
{
	return reason_of(verdict) == REASON_POSTURE && (__s32)high(verdict) < 0;
}

/* For a script, and once more for what interprets it. */
SEC("lsm/bprm_check_security")
int BPF_PROG(bprm_check_security, struct linux_binprm *bprm)
{
	__u64 filename = address(bprm->filename), verdict;
	struct place file;
	int refusal = admit();
	struct judged j;

	if (refusal)
		return refusal < 0 ? refusal : 0;
	if (!judged(&j))
		return -EAGAIN;
	if (filename != address(bprm->interp))
		filename = 0; /* that is the script's */
	file = place_at(&bprm->file->f_path);
	verdict = verdict_on(&j, row_of_executed(&j, &file, filename), PROCESS_EXEC, &file);
	if (!j.task->executable && j.self && j.self->flags & GUARDED_ADMIT_FIRST && unlisted(verdict))
		return 0;
	return answer(&j, GUARD_EXEC, verdict, &file);
}

/* Whether a file is the one that the current task runs, which was judged then. */
static __always_inline _Bool runs(const struct judged *j, const struct place *file)
{
	return file->dentry == j->task->executable && file->dentry == executable().dentry;
}

static __always_inline int map(__u64 file)
{
	struct place object;
	struct judged j;

	if (!judged(&j))
		return 0;
	object = place_of((void *)file);
	if (!object.dentry || runs(&j, &object))
		return 0;
	return answer(&j, GUARD_MAP, verdict_on(&j, row_for(&j, IMAGE_PROCESS, &object), PROCESS_MAP, &object), &object);
}

/* No file backs anonymous memory, which no verifier knows. */
SEC("lsm/mmap_file")
int BPF_PROG(mmap_file, struct file *file, unsigned long requested, unsigned long protection)
{
	return protection & PROT_EXEC ? map(address(file)) : 0;
}

SEC("lsm/file_mprotect")
int BPF_PROG(file_mprotect, struct vm_area_struct *area, unsigned long requested, unsigned long protection)
{
	return protection & PROT_EXEC ? map(address(area->vm_file)) : 0;
}

#endif
