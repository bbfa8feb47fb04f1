/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PREARM_REPORT_H
#define PREARM_REPORT_H

#include "judge.h"

/*
 * The ring's last quarter is kept for denials, so that a chatty audit rule
 * does not hide them.
 */
#define AUDIT_ROOM (RING_SIZE / 4 * 3)

static __always_inline void count_loss(enum action action)
{
	__u32 key = action;
	__u64 *lost = bpf_map_lookup_elem(&losses, &key);

	if (lost)
		__sync_fetch_and_add(lost, 1);
}

/*
 * An event about the current task and the judged socket, without address, or
 * NULL if the ring has no room. The caller submits it.
 */
static __always_inline struct event *begin_event(const struct judgement *j, enum hook hook)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct event *e = 0;

	if (j->verdict.action == ACTION_BLOCK ||
	    bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < AUDIT_ROOM)
		e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count_loss(j->verdict.action);
		return 0;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->time = bpf_ktime_get_boot_ns();
	e->cgroup = j->self->cgroup;
	e->ruleset = j->self->ruleset;
	e->rule = j->verdict.rule;
	e->action = j->verdict.action;
	e->hook = hook;
	e->kind = j->kind;
	e->family = j->family;
	e->type = j->type;
	e->protocol = j->protocol;
	e->pid = id >> 32;
	e->tid = (__u32)id;
	e->uid = (__u32)bpf_get_current_uid_gid();
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	return e;
}

#endif
