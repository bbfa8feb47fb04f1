/* SPDX-License-Identifier: GPL-2.0-only */
/* What a ruleset says of an operation on an object with a path. */
#ifndef PREARM_GUARD_OBJECT_H
#define PREARM_GUARD_OBJECT_H

#include "judge.h"
#include "proc.h"

/* Instead of a row: no rule is about the object. */
#define ROW_FREE 0xffffffff

/* The row of an object among those for IMAGE_FILE or IMAGE_PROCESS; 0 without an image. */
static __noinline __u32 row_for(const struct judged *j, enum image_header class, const struct place *object)
{
	struct walk w = {};
	__u64 rules;

	if (!j->image || !j->self)
		return 0;
	rules = cell(j->image, class);
	if (!low(rules))
		return ROW_FREE;
	begin_walk(&w, j, object, low(rules));
	switch (resolve(&w)) {
	case RESOLVED:
		return row_of(j->image, w.state);
	case NAMELESS:
		return ROW_FREE;
	default:
		return high(rules);
	}
}

/* Whether who acts owns an object. Nobody does on a mount that maps owners to others. */
static __noinline _Bool owns(const struct place *object)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct dentry *dentry = (void *)object->dentry;
	struct vfsmount *mnt = (void *)object->mnt;
	struct inode *inode = 0;
	__u64 mapped = 0, as = 0;
	__u32 owner = 0;

	if (bpf_core_field_exists(mnt->mnt_idmap)) {
		peek(&mapped, &mnt->mnt_idmap);
		as = nop_mnt_idmap;
	} else {
		struct vfsmount___before_6_2 *old = (void *)mnt;
		struct super_block *sb = 0;

		peek(&mapped, &old->mnt_userns);
		peek(&sb, &mnt->mnt_sb);
		peek(&as, &sb->s_user_ns);
	}
	if (mapped != as)
		return 0;
	peek(&inode, &dentry->d_inode);
	if (!inode || peek(&owner, &inode->i_uid.val))
		return 0;
	return owner == current->cred->fsuid.val;
}

/* What a row says of an operation. Who creates an object is its owner: then there is none before. */
static __always_inline __u64 verdict_on(const struct judged *j, __u32 row, __u32 operation, const struct place *object)
{
	__u64 others, owners;

	if (!j->image || !row)
		return 0;
	if (row == ROW_FREE)
		return GUARD_PERMIT;
	others = verdict_of(j->image, row, j->source, operation, 0);
	owners = verdict_of(j->image, row, j->source, operation, 1);
	if (others != owners && (!object || owns(object)))
		others = owners;
	return verdict_by_owner(others, object);
}

#endif
