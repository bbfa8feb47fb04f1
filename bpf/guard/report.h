/* SPDX-License-Identifier: GPL-2.0-only */
/* What comes of a verdict: an event of every denial and every audit hit, or a loss that is counted. */
#ifndef PREARM_GUARD_REPORT_H
#define PREARM_GUARD_REPORT_H

#include "judge.h"
#include "path.h"

/*
 * The ring's last quarter is kept for denials, so that a chatty audit rule
 * does not hide them.
 */
#define AUDIT_ROOM (EVENT_RING / 4 * 3)

/* How many names and mounts of a path are looked at. */
#define EVENT_DEPTH 512

/* What an access is about, where it is not a path. */
struct about {
	__u32 number;
	__u32 family;
	__u32 type;
	__u32 protocol;
};

static __always_inline void begin_event(struct event *e, const struct judged *j, enum guard_hook hook, __u64 verdict, const struct about *about)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 id = bpf_get_current_pid_tgid();

	__builtin_memset(e, 0, sizeof(*e));
	e->time = bpf_ktime_get_boot_ns();
	e->container = j->task->container;
	if (j->self)
		e->ruleset = j->self->ruleset;
	e->verdict = verdict;
	e->hook = hook;
	e->source = j->source;
	e->pid = id >> 32;
	e->tid = (__u32)id;
	e->ppid = task->real_parent->tgid;
	e->uid = (__u32)bpf_get_current_uid_gid();
	if (about) {
		e->number = about->number;
		e->family = about->family;
		e->type = about->type;
		e->protocol = about->protocol;
	}
	bpf_get_current_comm(e->comm, sizeof(e->comm));
}

/* A climb from an object to the root, for its event. */
struct ascent {
	struct place at;
	__u64 top; /* dentry at the top of at's mount */
	__u32 root_mount;
	/* Has how far it got, too: verifiers before Linux 6.7 take what a loop's memory holds at first for what it holds. */
	struct path_event *event;
};

/* One step of it, like climb and leave. */
static long ascend(__u32 step, struct ascent *a)
{
	struct event *e = &a->event->event;
	__u32 size = e->path_size;
	struct link link;
	long more;

	if (a->at.dentry == a->top) {
		struct mount *mount = mount_of(a->at.mnt), *below = 0;

		peek(&below, &mount->mnt_parent);
		if (below == mount || mount_id(a->at.mnt) == a->root_mount) {
			e->flags = EVENT_PATH;
			return 1;
		}
		peek(&a->at.dentry, &mount->mnt_mountpoint);
		a->at.mnt = (__u64)below + bpf_core_field_offset(struct mount, mnt);
		peek(&a->top, &below->mnt.mnt_root);
		return 0;
	}
	bpf_probe_read_kernel(&link, sizeof(link), &((struct dentry *)a->at.dentry)->d_parent);
	if (link.parent == a->at.dentry || !link.parent) {
		e->flags = EVENT_PATH | EVENT_PATH_LOST;
		return 1;
	}
	if (size > PATH_ROOM - NAME_SIZE)
		return 1;
	more = bpf_probe_read_kernel_str(a->event->path + size, NAME_SIZE, (void *)link.name);
	if (more <= 0)
		return 1;
	e->path_size = size + more;
	a->at.dentry = link.parent;
	return 0;
}

/*
 * The names are for people: those that change meanwhile may come out mixed.
 * False if the ring is full.
 */
static __always_inline _Bool report_path(const struct judged *j, enum guard_hook hook, __u64 verdict, const struct place *object)
{
	struct path_event *e = bpf_ringbuf_reserve(&guard_events, sizeof(*e), 0);
	const struct dentry *dentry = (void *)object->dentry;
	const struct vfsmount *mnt = (void *)object->mnt;
	struct ascent a = {
		.at = *object,
		.root_mount = j->self ? j->self->root_mount : 0,
		.event = e,
	};

	if (!e)
		return 0;
	begin_event(&e->event, j, hook, verdict, 0);
	e->event.flags = EVENT_PATH | EVENT_PATH_CUT;
	e->event.owner = BPF_CORE_READ(dentry, d_inode, i_uid.val);
	peek(&a.top, &mnt->mnt_root);
	bpf_loop(EVENT_DEPTH, ascend, &a, 0);
	bpf_ringbuf_submit(e, 0);
	return 1;
}

static __always_inline _Bool report_about(const struct judged *j, enum guard_hook hook, __u64 verdict, const struct about *about)
{
	struct event *e = bpf_ringbuf_reserve(&guard_events, sizeof(*e), 0);

	if (!e)
		return 0;
	begin_event(e, j, hook, verdict, about);
	bpf_ringbuf_submit(e, 0);
	return 1;
}

/*
 * An event about a verdict that does not just permit, on an object with a place
 * or about something else; both may be NULL.
 */
static __noinline int report(const struct judged *j, enum guard_hook hook, __u64 verdict, const struct place *object, const struct about *about)
{
	__u32 action = action_of(verdict);
	__u64 *lost;

	if (action != GUARD_AUDIT || bpf_ringbuf_query(&guard_events, BPF_RB_AVAIL_DATA) < AUDIT_ROOM) {
		if (object ? report_path(j, hook, verdict, object) : report_about(j, hook, verdict, about))
			return 0;
	}
	lost = bpf_map_lookup_elem(&guard_losses, &action);
	if (lost)
		__sync_fetch_and_add(lost, 1);
	return 0;
}

/* What is no verdict at all refuses, too. */
static __always_inline _Bool refuses(__u64 verdict)
{
	return action_of(verdict) != GUARD_AUDIT && action_of(verdict) != GUARD_PERMIT;
}

/* Whether a verdict refuses what the hook is about; reports it where it says so. */
static __always_inline _Bool refused(const struct judged *j, enum guard_hook hook, __u64 verdict, const struct place *object)
{
	if (action_of(verdict) == GUARD_PERMIT)
		return 0;
	report(j, hook, verdict, object, 0);
	return refuses(verdict);
}

/* The same of an access that is about no path. */
static __always_inline _Bool refused_about(const struct judged *j, enum guard_hook hook, __u64 verdict, const struct about *about)
{
	if (action_of(verdict) == GUARD_PERMIT)
		return 0;
	report(j, hook, verdict, 0, about);
	return refuses(verdict);
}

#endif
