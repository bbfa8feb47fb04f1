/* SPDX-License-Identifier: GPL-2.0-only */
/* The use of capabilities against the container's own user namespace. */
#ifndef PREARM_GUARD_CAPABLE_H
#define PREARM_GUARD_CAPABLE_H

#include "report.h"

#define CAP_SYS_ADMIN 21
#define CAP_OPT_NOAUDIT 2

/* Inode number of the first user namespace, fixed in the kernel's PROC_USER_INIT_INO. */
#define FIRST_USER_NS 0xEFFFFFFD

/*
 * Whether the credentials that capabilities are asked of are the container's.
 *
 * A task's own are, and so are those that it takes for a while from itself,
 * such as a personality of its io_uring. The kernel also makes it act as the
 * mounter of a file system (overlayfs, at every access to its layers), which no
 * rule is about. A mounter's credentials are of another user namespace; or, if
 * the container shares the runtime's, they have CAP_SYS_ADMIN, and a container
 * that has it there administers the host.
 */
static __always_inline int is_own(const struct cred *cred, struct task_struct *task, __u32 user_ns)
{
	__u64 effective = ~0ULL;

	if (cred == task->real_cred)
		return 1;
	if (BPF_CORE_READ(cred, user_ns, ns.inum) != user_ns)
		return 0;
	if (user_ns != FIRST_USER_NS)
		return 1;
	bpf_probe_read_kernel(&effective, sizeof(effective), &cred->cap_effective);
	return !(effective & 1ULL << CAP_SYS_ADMIN);
}

/*
 * Asked once the kernel has found that cred has the capability. It does not ask
 * about CAP_SETPCAP for prctl(PR_SET_SECUREBITS) and for capset's inheritable
 * set, nor about CAP_SYS_ADMIN for the memory that is kept back for it.
 */
SEC("lsm/capable")
int BPF_PROG(capable, const struct cred *cred, struct user_namespace *ns, int capability, unsigned int options)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct about about = {.number = capability};
	struct judged j;
	__u64 verdict;
	__u32 table;

	/* Other credentials than those it acts by are another task's, or of who opened a file. */
	if (cred != task->cred || !judged(&j))
		return 0;
	if (j.self && (ns->ns.inum != j.self->user_ns || !is_own(cred, task, j.self->user_ns)))
		return 0;
	table = high(verdict_at(&j, IMAGE_TABLES));
	if (j.image && !table)
		return 0;
	verdict = (__u32)capability < GUARD_CAPABILITIES ? verdict_at(&j, table + j.source * GUARD_CAPABILITIES + capability) : 0;
	if (options & CAP_OPT_NOAUDIT)
		return refuses(verdict) ? -EPERM : 0;
	return refused_about(&j, GUARD_CAPABLE, verdict, &about) ? -EPERM : 0;
}

#endif
