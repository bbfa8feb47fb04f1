/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who controls another task acts as that one. So a task of a container may
 * attach (ptrace, /proc/PID/mem, process_vm_writev, pidfd_getfd) only to those
 * that are judged as it is: of its container, and of its source class. A task
 * that is being traced, or that traces, keeps its source class when it executes.
 */
#ifndef PREARM_GUARD_PTRACE_H
#define PREARM_GUARD_PTRACE_H

#include "report.h"

#define PTRACE_MODE_ATTACH 2
#define PTRACE_MODE_NOAUDIT 4

#define REFUSED_TRACE (GUARD_BLOCK | REASON_TRACE << 8 | (__u64)-1 << 32)

static __always_inline struct task *task_of(const struct task_struct *task)
{
	__u64 key = (__u64)task;

	return bpf_map_lookup_elem(&tasks, &key);
}

/* Whether the ruleset has rules for sources. */
static __always_inline _Bool tells_sources(const struct judged *j)
{
	return !j->image || high(cell(j->image, IMAGE_SOURCES));
}

/* The source class of another task of the container, as classify would have it. */
static __always_inline __u32 source_now(const struct judged *j, const struct task *other, struct task_struct *task)
{
	struct mm_struct *mm = task->mm;
	struct place file;

	if (!j->self || other->generation == j->self->generation)
		return other->source;
	file = place_of(mm ? mm->exe_file : 0);
	return other->executable == file.dentry ? source_of(j, &file) : any_source(j);
}

/* Whether another task is judged as one of the source class is. */
static __always_inline _Bool equals(const struct judged *j, struct task_struct *task, __u32 source)
{
	struct task *other = task_of(task);

	if (!other || other->container != j->task->container)
		return 0;
	return !tells_sources(j) || (j->image && source_now(j, other, task) == source);
}

static __noinline int refuse_trace(const struct judged *j, enum guard_hook hook, __u32 pid)
{
	struct about about = {.number = pid};

	refused_about(j, hook, REFUSED_TRACE, &about);
	return -EACCES;
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(ptrace_access_check, struct task_struct *child, unsigned int mode)
{
	struct judged j;

	if (!(mode & PTRACE_MODE_ATTACH) || !judged(&j) || equals(&j, child, j.source))
		return 0;
	return mode & PTRACE_MODE_NOAUDIT ? -EACCES : refuse_trace(&j, GUARD_TRACE, child->tgid);
}

/* A tracer that is of no armed container is the runtime's, or the host's. */
SEC("lsm/ptrace_traceme")
int BPF_PROG(ptrace_traceme, struct task_struct *parent)
{
	struct judged j;

	if (!task_of(parent) || !judged(&j) || equals(&j, parent, j.source))
		return 0;
	return refuse_trace(&j, GUARD_TRACEME, parent->tgid);
}

/* Whether the current task traces others. */
static __always_inline _Bool traces(void)
{
	struct task_struct *current = bpf_get_current_task_btf();

	return current->ptraced.next != &current->ptraced;
}

static __always_inline _Bool is_traced(void)
{
	struct task_struct *current = bpf_get_current_task_btf();

	return current->ptrace;
}

/*
 * Whether the current task's tracer would still be judged as it is, were that
 * of the source class. If the tracer has not been judged since the ruleset was
 * replaced, nobody knows.
 */
static __always_inline _Bool tracer_is(const struct judged *j, __u32 source)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct task *other = task_of(current->parent);

	return !other || (other->container == j->task->container && other->generation == j->task->generation && other->source == source);
}

/* Asked once, about the file that is to run: of a script, about its interpreter. */
SEC("lsm/bprm_creds_from_file")
int BPF_PROG(bprm_creds_from_file, struct linux_binprm *bprm, struct file *file)
{
	struct place executable;
	struct judged j;
	__u32 source;

	if ((!is_traced() && !traces()) || !judged(&j) || !tells_sources(&j))
		return 0;
	executable = place_of(file);
	source = source_of(&j, &executable);
	if ((!traces() || source == j.source) && (!is_traced() || tracer_is(&j, source)))
		return 0;
	return refuse_trace(&j, GUARD_TRACED_EXEC, bpf_get_current_task_btf()->parent->tgid);
}

#endif
