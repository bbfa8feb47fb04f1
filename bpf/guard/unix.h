/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unix sockets with a path: who connects to one reads it. The hooks tell the
 * path that it was bound by, which may be one of another mount namespace: of
 * a server on the host, or in another container of the pod.
 */
#ifndef PREARM_GUARD_UNIX_H
#define PREARM_GUARD_UNIX_H

#include "file.h"

/* As many mounts of a file system are looked at. */
#define MOUNTS 16384

/* A search for the mount by which a namespace shows a dentry. */
struct search {
	struct place seen; /* mnt is 0 until it is found */
	__u64 ns;
	__u64 next; /* of the file system's mounts, their struct list_head */
	__u64 last;
	__u64 at;   /* of the climb from the dentry */
	__u64 root; /* of the mount looked at */
};

/* One step up; 1 at the end. */
static long look_above(__u32 step, struct search *s)
{
	__u64 at = s->at;

	if (at == s->root)
		return 1;
	peek(&s->at, (__u64 *)&((struct dentry *)at)->d_parent);
	return s->at == at || !s->at;
}

/* The next mount; 1 at the end. */
static long look_below(__u32 number, struct search *s)
{
	struct mount *mount = (void *)s->next - bpf_core_field_offset(struct mount, mnt_instance);
	__u64 ns = 0;

	if (s->next == s->last || !s->next)
		return 1;
	peek(&s->next, (__u64 *)&mount->mnt_instance.next);
	peek(&ns, (__u64 *)&mount->mnt_ns);
	if (ns != s->ns)
		return 0;
	peek(&s->root, (__u64 *)&mount->mnt.mnt_root);
	s->at = s->seen.dentry;
	bpf_loop(DEPTH, look_above, s, 0);
	if (s->at != s->root)
		return 0;
	s->seen.mnt = (__u64)mount + bpf_core_field_offset(struct mount, mnt);
	return 1;
}

/* Searches once; ends if nothing was renamed, mounted or unmounted meanwhile. */
static long look(__u32 number, struct search *s)
{
	__u32 renames = sequence(rename_lock), mounts = sequence(mount_lock);
	struct dentry *dentry = (void *)s->seen.dentry;
	struct super_block *sb = 0;

	s->seen.mnt = 0;
	if ((renames | mounts) & 1)
		return 0;
	barrier_for_reads();
	peek(&sb, &dentry->d_sb);
	s->last = (__u64)&sb->s_mounts;
	peek(&s->next, (__u64 *)&sb->s_mounts.next);
	bpf_loop(MOUNTS, look_below, s, 0);
	barrier_for_reads();
	if (renames == sequence(rename_lock) && mounts == sequence(mount_lock))
		return 1;
	s->seen.mnt = 0;
	return 0;
}

/* Where the current task sees what is bound at a place; of no mount, which is unresolved, if it does not. */
static __noinline void find_seen(struct place *bound)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct search s = { .seen = *bound, .ns = address(current->nsproxy->mnt_ns) };
	__u64 ns = 0;

	peek(&ns, (__u64 *)&mount_of(bound->mnt)->mnt_ns);
	if (ns == s.ns || ns == INTERNAL)
		return;
	s.seen.mnt = 0;
	if (bpf_core_field_exists(struct mount, mnt_instance))
		bpf_loop(ATTEMPTS, look, &s, 0);
	bound->mnt = s.seen.mnt;
}

/* A socket that is connected was judged then. */
static __always_inline int reach(__u64 from, __u64 to)
{
	struct unix_sock *sender = (void *)from, *receiver = (void *)to;
	struct place object = {};
	struct judged j;
	__u64 peer = 0;

	if (!judged(&j))
		return 0;
	peek(&object, (struct place *)&receiver->path);
	peek(&peer, (__u64 *)&sender->peer);
	if (!object.dentry || peer == to)
		return 0;
	find_seen(&object);
	return answer(&j, GUARD_CONNECT, on_file(&j, FILE_READ, &object), &object);
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(unix_stream_connect, struct sock *sock, struct sock *other)
{
	return reach(address(sock), address(other));
}

/* Of datagrams: connect, and each one sent. */
SEC("lsm/unix_may_send")
int BPF_PROG(unix_may_send, struct socket *sock, struct socket *other)
{
	return reach(address(sock->sk), address(other->sk));
}

#endif
