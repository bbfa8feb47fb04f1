/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changing what is mounted where would give an object a name that no rule
 * knows, so a container whose rules protect a path may not.
 *
 * Two system calls have no hook: open_tree makes a tree that is nowhere, whose
 * paths are unresolved until move_mount, which is refused; mount_setattr
 * changes no name.
 */
#ifndef PREARM_GUARD_MOUNT_H
#define PREARM_GUARD_MOUNT_H

#include "report.h"

/* Superblocks that the kernel makes by itself: with a namespace, or below an automount. */
#define SB_KERNMOUNT (1 << 22)
#define SB_SUBMOUNT (1 << 26)

static __always_inline int judge_mount(enum guard_hook hook, const void *dentry, const void *mnt)
{
	struct place at = { .dentry = (__u64)dentry, .mnt = (__u64)mnt };
	struct judged j;
	__u32 number;

	if (!judged(&j))
		return 0;
	number = high(verdict_at(&j, IMAGE_SPECIAL));
	if (j.image && !number)
		return 0;
	return refused(&j, hook, verdict_at(&j, number), mnt ? &at : 0) ? -EACCES : 0;
}

/* mount(2), whatever its flags: a remount and a change of propagation, too. */
SEC("lsm/sb_mount")
int BPF_PROG(sb_mount, const char *device, const struct path *at)
{
	return judge_mount(GUARD_MOUNT, at->dentry, at->mnt);
}

SEC("lsm/move_mount")
int BPF_PROG(move_mount, const struct path *from, const struct path *to)
{
	return judge_mount(GUARD_MOVE_MOUNT, to->dentry, to->mnt);
}

SEC("lsm/sb_umount")
int BPF_PROG(sb_umount, struct vfsmount *mount)
{
	return judge_mount(GUARD_UMOUNT, mount->mnt_root, mount);
}

SEC("lsm/sb_pivotroot")
int BPF_PROG(sb_pivotroot, const struct path *old, const struct path *new)
{
	return judge_mount(GUARD_PIVOT_ROOT, new->dentry, new->mnt);
}

/* fspick and fsconfig. */
SEC("lsm/sb_remount")
int BPF_PROG(sb_remount)
{
	return judge_mount(GUARD_REMOUNT, 0, 0);
}

/* fsopen and fsconfig. */
SEC("lsm/sb_set_mnt_opts")
int BPF_PROG(sb_set_mnt_opts, struct super_block *sb)
{
	if (sb->s_flags & (SB_KERNMOUNT | SB_SUBMOUNT))
		return 0;
	return judge_mount(GUARD_FSCONFIG, 0, 0);
}

#endif
