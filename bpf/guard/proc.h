/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose an entry of /proc is. Its path has a number, but what the base set of
 * file allow-lists leaves readable is the task's own; so for such paths a
 * verdict has a second action, for the entries of other processes.
 */
#ifndef PREARM_GUARD_PROC_H
#define PREARM_GUARD_PROC_H

#include "kernel.h"
#include "match.h"

#define PROC_SUPER_MAGIC 0x9fa0

/* Indices of enum pid_type, the same since Linux 4.19. */
#define PIDTYPE_PID 0
#define PIDTYPE_TGID 1
#define PIDTYPE_MAX 4

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct pid {
	struct hlist_head tasks[PIDTYPE_MAX];
};

struct signal_struct {
	struct pid *pids[PIDTYPE_MAX];
};

struct task_struct___proc {
	struct signal_struct *signal;
	struct hlist_node pid_links[PIDTYPE_MAX];
};

struct super_block___proc {
	unsigned long s_magic;
};

struct inode___proc {
	struct super_block___proc *i_sb;
};

struct proc_inode {
	struct pid *pid; /* NULL of what is no process's */
	struct inode vfs_inode;
};

#pragma clang attribute pop

/* Whether an object is an entry of /proc of another process than the current one. */
static __noinline _Bool foreign(const struct place *object)
{
	struct task_struct___proc *current = (void *)bpf_get_current_task_btf();
	struct signal_struct *own = 0, *its = 0;
	struct super_block___proc *sb = 0;
	struct inode___proc *inode = 0;
	struct hlist_node *first = 0;
	unsigned long magic = 0;
	struct pid *pid = 0, *group = 0;

	if (!object)
		return 1;
	peek(&inode, &((struct dentry *)object->dentry)->d_inode);
	if (!inode || peek(&sb, &inode->i_sb) || peek(&magic, &sb->s_magic))
		return 1;
	if (magic != PROC_SUPER_MAGIC)
		return 0;
	peek(&pid, &((struct proc_inode *)((char *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode)))->pid);
	if (!pid)
		return 0;
	peek(&own, &current->signal);
	peek(&group, &own->pids[PIDTYPE_TGID]);
	if (pid == group)
		return 0;
	/* Another thread of the same process has a number of its own. */
	peek(&first, &pid->tasks[PIDTYPE_PID].first);
	if (!first)
		return 1;
	peek(&its, &((struct task_struct___proc *)((char *)first - bpf_core_field_offset(struct task_struct___proc, pid_links)))->signal);
	return its != own;
}

/* A verdict on an object, which has another action if that is another process's. */
static __always_inline __u64 verdict_by_owner(__u64 verdict, const struct place *object)
{
	__u8 others = verdict >> 24;

	if (!others || !foreign(object))
		return verdict;
	return (verdict & 0xffffffff00ff0000) | (others - 1) | REASON_POSTURE << 8;
}

#endif
