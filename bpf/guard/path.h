/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An object's path, fed to an automaton: the names of the dentries from the
 * top of the mount tree down, whatever a task's root is. The top is the mount
 * that is the container's root, or that of a mount namespace.
 *
 * Names are found from the bottom up and needed from the top down, and there
 * is no memory for a path: another task may run the same program meanwhile, on
 * this CPU. So the climb remembers the last names that it passed, and is done
 * again for those before.
 */
#ifndef PREARM_GUARD_PATH_H
#define PREARM_GUARD_PATH_H

#include "kernel.h"
#include "match.h"

/* As many names are remembered. */
#define NAMES 16
/*
 * A deeper path is unresolved, so that no walk takes long. A path of PATH_MAX
 * is no deeper.
 */
#define DEPTH 2048
/* A name has up to 255 bytes. */
#define CHUNKS (256 / CHUNK)
/* As often a walk is done again because a directory was renamed, or something mounted. */
#define ATTEMPTS 64

/* Told when the programs are loaded: addresses of the kernel's variables. */
const volatile __u64 rename_lock;
const volatile __u64 mount_lock;
const volatile __u64 nop_mnt_idmap;
/* Whether the CPU may read in another order than it is told to. */
const volatile _Bool weakly_ordered;

/*
 * For counters in loops. The verifier, which knows constants, would follow
 * each turn of a loop that starts with one.
 */
volatile __u32 zero;

/* Where a walk has come to. */
enum found {
	UNRESOLVED, /* not on any path that could be told */
	NAMELESS,   /* of a mount that the kernel keeps to itself */
	CLIMBING,
	RESOLVED,
};

struct walk {
	void *image;
	const struct place *object;
	struct place at;
	__u64 top;          /* dentry at the top of at's mount */
	__u64 names[NAMES]; /* the last ones passed, see remember */
	__u32 start;        /* state before the first byte */
	__u32 state;
	__u32 root_mount;
	__u32 depth; /* names passed */
	__u32 limit; /* where a climb ends; then, how many names are below those remembered */
	enum found found;
};

/*
 * A name's address and length as one word, so that twice as many fit. An
 * address of the kernel begins with eight ones.
 */
static __always_inline __u64 remember(__u64 address, __u32 length)
{
	return address << 8 | (__u8)length;
}

static __always_inline __u64 address_of(__u64 name)
{
	return name >> 8 | 0xffull << 56;
}

static __always_inline __u32 length_of(__u64 name)
{
	return (__u8)name;
}

static __always_inline struct mount *mount_of(__u64 mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

static __always_inline __u32 mount_id(__u64 mnt)
{
	__u32 id = 0;

	peek(&id, &mount_of(mnt)->mnt_id);
	return id;
}

#define INTERNAL ((__u64)-EINVAL) /* instead of the namespace of the kernel's own mounts */

/* What it means that there is nothing above a mount. */
static __always_inline enum found end_at(struct mount *mount, _Bool at_top)
{
	struct mnt_namespace *ns = 0;
	struct mount *root = 0;
	__u64 seq = 0;

	peek(&ns, &mount->mnt_ns);
	if ((__u64)ns == INTERNAL)
		return NAMELESS;
	peek(&root, &ns->root);
	peek(&seq, &ns->seq);
	return at_top && root == mount && seq ? RESOLVED : UNRESOLVED;
}

static __always_inline void enter(struct walk *w, __u64 dentry, __u64 mnt)
{
	w->at.dentry = dentry;
	w->at.mnt = mnt;
	peek(&w->top, &((struct vfsmount *)mnt)->mnt_root);
}

/* From the top of a mount to where it is mounted. */
static __always_inline long leave(struct walk *w)
{
	struct mount *mount = mount_of(w->at.mnt), *parent = 0;
	__u64 mountpoint = 0;

	w->found = RESOLVED;
	if (mount_id(w->at.mnt) == w->root_mount)
		return 1;
	peek(&parent, &mount->mnt_parent);
	if (parent == mount) {
		w->found = end_at(mount, 1);
		return 1;
	}
	w->found = CLIMBING;
	peek(&mountpoint, &mount->mnt_mountpoint);
	enter(w, mountpoint, (__u64)parent + bpf_core_field_offset(struct mount, mnt));
	return 0;
}

/* struct dentry from d_parent on, as it is laid out for lookups since Linux 2.6.38. */
struct link {
	__u64 parent;
	__u32 hash;
	__u32 length;
	__u64 name;
};

#define LINKED (bpf_core_field_offset(struct dentry, d_name) - \
		bpf_core_field_offset(struct dentry, d_parent) == sizeof(__u64))

/* One step up. */
static long climb(__u32 step, struct walk *w)
{
	struct dentry *dentry = (void *)w->at.dentry;
	struct link link;

	if (w->at.dentry == w->top)
		return leave(w);
	if (w->depth == w->limit)
		return 1;
	peek(&link, &dentry->d_parent);
	if (!LINKED || link.parent == w->at.dentry || !link.parent) {
		w->found = end_at(mount_of(w->at.mnt), 0);
		return 1;
	}
	w->names[w->depth++ % NAMES] = remember(link.name, link.length);
	w->at.dentry = link.parent;
	return 0;
}

static __always_inline __u32 slash(const struct walk *w)
{
	return w->state & STATE_STOP ? w->state : step(w->image, w->state, '/');
}

/* Feeds as much as fits of the name that is next from the top; 1 at the end. */
static long descend(__u32 step_number, struct walk *w)
{
	__u64 *name = &w->names[(w->depth - 1) % NAMES];
	__u64 length = length_of(*name), part = length;
	__u8 chunk[CHUNK] = {};

	if (w->depth == w->limit || w->state & STATE_STOP)
		return 1;
	if (part > CHUNK)
		part = CHUNK;
	bpf_probe_read_kernel(chunk, part, (void *)address_of(*name));
	w->state = feed(w->image, w->state, chunk, part);
	*name = remember(address_of(*name) + part, length - part);
	if (part == length && --w->depth != w->limit)
		w->state = slash(w);
	return 0;
}

/* Feeds as many names as are remembered, those behind the ones fed before. */
static long feed_names(__u32 turn, struct walk *w)
{
	w->depth = zero;
	w->found = CLIMBING;
	enter(w, w->object->dentry, w->object->mnt);
	bpf_loop(2 * DEPTH, climb, w, 0);
	if (w->found == CLIMBING)
		w->found = turn ? RESOLVED : UNRESOLVED; /* to the limit */
	if (w->found != RESOLVED)
		return 1;
	w->limit = w->depth < NAMES ? 0 : w->depth - NAMES;
	w->state = slash(w); /* is the root itself, too */
	bpf_loop(NAMES * CHUNKS, descend, w, 0);
	return !w->limit || w->state & STATE_STOP;
}

/* How often a lock's data was changed; odd while it is. */
static __always_inline __u32 sequence(__u64 lock)
{
	__u32 count = 1;

	peek(&count, (__u32 *)lock);
	return count;
}

static __always_inline void barrier_for_reads(void)
{
	__u64 any = 0;

	if (weakly_ordered)
		__sync_fetch_and_or(&any, 1);
}

/* Walks once; ends if nothing was renamed, mounted or unmounted meanwhile. */
static long attempt(__u32 number, struct walk *w)
{
	__u32 renames = sequence(rename_lock);
	__u32 mounts = sequence(mount_lock);

	w->found = UNRESOLVED;
	if ((renames | mounts) & 1)
		return 0;
	barrier_for_reads();
	w->state = w->start;
	w->limit = DEPTH;
	bpf_loop(DEPTH / NAMES, feed_names, w, 0);
	barrier_for_reads();
	if (renames == sequence(rename_lock) && mounts == sequence(mount_lock))
		return 1;
	w->found = UNRESOLVED;
	return 0;
}

/*
 * Feeds the path of w's object to the automaton of an image that starts at
 * w->start, and leaves the state in w if the path is resolved.
 */
static __always_inline enum found resolve(struct walk *w)
{
	bpf_loop(ATTEMPTS, attempt, w, 0);
	return w->found;
}

#endif
