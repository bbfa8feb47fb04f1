/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which tasks are of a container: what a runtime first executes inside of it,
 * and from then on whatever comes of that, wherever it goes.
 */
#ifndef PREARM_GUARD_IDENTITY_H
#define PREARM_GUARD_IDENTITY_H

#include "judge.h"

/* A child is what its parent is. Threads and the kernel's workers for io_uring are children. */
SEC("lsm/task_alloc")
int BPF_PROG(task_alloc, struct task_struct *child)
{
	__u64 current = bpf_get_current_task(), key = (__u64)child;
	struct task *parent = bpf_map_lookup_elem(&tasks, &current);

	if (parent)
		return bpf_map_update_elem(&tasks, &key, parent, BPF_ANY) ? -EAGAIN : 0;
	/* Whose address this was may have gone without a trace: see task_free. */
	if (bpf_map_lookup_elem(&tasks, &key) && bpf_map_delete_elem(&tasks, &key))
		return -EAGAIN;
	return 0;
}

/* A bucket may be busy on this CPU; then the entry stays until its address is used again. */
SEC("lsm/task_free")
int BPF_PROG(task_free, struct task_struct *task)
{
	__u64 key = (__u64)task;

	bpf_map_delete_elem(&tasks, &key);
	return 0;
}

/* Cgroups are nested no deeper above a container's. */
#define CGROUP_LEVELS 32

/* The armed container whose cgroup and whose root the current task is in. */
static __always_inline __u64 container_entered(void)
{
	struct task_struct *current = bpf_get_current_task_btf();
	__u32 root = mount_id((__u64)current->fs->root.mnt);

	for (int level = 1; level <= CGROUP_LEVELS; level++) {
		__u64 cgroup = bpf_get_current_ancestor_cgroup_id(level);
		struct guarded *container;

		if (!cgroup)
			break;
		container = bpf_map_lookup_elem(&guardeds, &cgroup);
		if (container && container->root_mount == root)
			return cgroup;
	}
	return 0;
}

/*
 * Makes the current task, which is to execute something, one of the container
 * that it is inside of, unless it is one already. 1 if there is none; else 0,
 * or the error that the execution must end in.
 */
static __noinline int admit(void)
{
	__u64 current = bpf_get_current_task();
	struct task task = {};

	if (bpf_map_lookup_elem(&tasks, &current))
		return 0;
	task.container = container_entered();
	if (!task.container)
		return 1;
	return bpf_map_update_elem(&tasks, &current, &task, BPF_ANY) ? -EAGAIN : 0;
}

/* From here on the current task is what it executes, which its memory is of already. */
SEC("lsm/bprm_committed_creds")
int BPF_PROG(bprm_committed_creds, struct linux_binprm *bprm)
{
	struct judged j;

	if (!judged(&j))
		return 0;
	j.task->executable = (__u64)bprm->file->f_path.dentry;
	j.task->generation = 0; /* of no ruleset yet */
	classify(&j);
	return 0;
}

#endif
