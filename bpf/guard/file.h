/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file class. Reading is judged when a file is opened, writing then and
 * where a name is made, moved or removed, or what is there is changed without
 * being opened.
 */
#ifndef PREARM_GUARD_FILE_H
#define PREARM_GUARD_FILE_H

#include "object.h"
#include "report.h"

/* The address that a pointer is. The verifier would keep track of a pointer. */
static __always_inline __u64 address(const void *pointer)
{
	__u64 number = 0;

	peek(&number, &pointer);
	return number;
}

static __always_inline struct place place_at(const struct path *path)
{
	struct place place = {};

	peek(&place, path);
	return place;
}

/* A name in a directory. */
static __always_inline struct place place_in(const struct path *dir, const struct dentry *dentry)
{
	struct place place = { address(dir->mnt), address(dentry) };

	return place;
}

static __always_inline int answer(const struct judged *j, enum guard_hook hook, __u64 verdict, const struct place *object)
{
	return refused(j, hook, verdict, object) ? -EACCES : 0;
}

static __always_inline __u64 on_file(const struct judged *j, enum file_operation operation, const struct place *object)
{
	return verdict_on(j, row_for(j, IMAGE_FILE, object), operation, object);
}

/* Writing to what is there, and its protection from being moved or removed. */
static __always_inline __u64 on_displaced(const struct judged *j, const struct place *object)
{
	__u32 row = row_for(j, IMAGE_FILE, object);
	__u64 verdict;

	verdict = stricter(verdict_on(j, row, FILE_WRITE, object), verdict_on(j, row, FILE_TAMPER, object));
	row = row_for(j, IMAGE_PROCESS, object);
	return stricter(verdict, verdict_on(j, row, PROCESS_TAMPER, object));
}

/* Of two open files the second is of a layer, where a union file system opens that itself. */
SEC("lsm/file_open")
int BPF_PROG(file_open, struct file *file)
{
	__u32 mode = file->f_mode, flags = file->f_flags;
	__u64 verdict = GUARD_PERMIT;
	struct place object;
	struct judged j;
	__u32 row;

	if (mode & FMODE_NOACCOUNT || flags & FMODE_EXEC || !judged(&j))
		return 0;
	object = place_at(&file->f_path);
	row = row_for(&j, IMAGE_FILE, &object);
	if (mode & FMODE_WRITE || flags & (O_TRUNC | O_APPEND) || !(mode & FMODE_READ))
		verdict = verdict_on(&j, row, FILE_WRITE, &object);
	if (mode & FMODE_READ)
		verdict = stricter(verdict, verdict_on(&j, row, FILE_READ, &object));
	return answer(&j, GUARD_OPEN, verdict, &object);
}

static __always_inline int create(const struct path *dir, const struct dentry *dentry)
{
	struct place object;
	struct judged j;

	if (!judged(&j))
		return 0;
	object = place_in(dir, dentry);
	return answer(&j, GUARD_CREATE, verdict_on(&j, row_for(&j, IMAGE_FILE, &object), FILE_WRITE, 0), &object);
}

/* Of open(O_CREAT), too. */
SEC("lsm/path_mknod")
int BPF_PROG(path_mknod, const struct path *dir, struct dentry *dentry)
{
	return create(dir, dentry);
}

SEC("lsm/path_mkdir")
int BPF_PROG(path_mkdir, const struct path *dir, struct dentry *dentry)
{
	return create(dir, dentry);
}

SEC("lsm/path_symlink")
int BPF_PROG(path_symlink, const struct path *dir, struct dentry *dentry)
{
	return create(dir, dentry);
}

static __always_inline int change(const struct path *path)
{
	struct place object;
	struct judged j;

	if (!judged(&j))
		return 0;
	object = place_at(path);
	return answer(&j, GUARD_CHANGE, on_file(&j, FILE_WRITE, &object), &object);
}

/* Before 6.2 of ftruncate(2), too, whose descriptor was opened for writing. */
SEC("lsm/path_truncate")
int BPF_PROG(path_truncate, const struct path *path)
{
	return change(path);
}

SEC("lsm/path_chmod")
int BPF_PROG(path_chmod, const struct path *path)
{
	return change(path);
}

SEC("lsm/path_chown")
int BPF_PROG(path_chown, const struct path *path)
{
	return change(path);
}

static __always_inline int displace(const struct path *dir, const struct dentry *dentry)
{
	struct place object;
	struct judged j;

	if (!judged(&j))
		return 0;
	object = place_in(dir, dentry);
	return answer(&j, GUARD_REMOVE, on_displaced(&j, &object), &object);
}

SEC("lsm/path_unlink")
int BPF_PROG(path_unlink, const struct path *dir, struct dentry *dentry)
{
	return displace(dir, dentry);
}

SEC("lsm/path_rmdir")
int BPF_PROG(path_rmdir, const struct path *dir, struct dentry *dentry)
{
	return displace(dir, dentry);
}

/* The second end has the first one's owner, unless there is an object already. */
SEC("lsm/path_rename")
int BPF_PROG(path_rename, const struct path *old_dir, struct dentry *old, const struct path *new_dir, struct dentry *new)
{
	struct place from, to;
	struct judged j;
	int refusal;

	if (!judged(&j))
		return 0;
	from = place_in(old_dir, old);
	refusal = answer(&j, GUARD_RENAME, on_displaced(&j, &from), &from);
	if (refusal)
		return refusal;
	to = place_in(new_dir, new);
	return answer(&j, GUARD_RENAME, on_displaced(&j, &to), &to);
}

/* Both ends are on one mount. */
SEC("lsm/path_link")
int BPF_PROG(path_link, struct dentry *old, const struct path *new_dir, struct dentry *new)
{
	struct place from, to;
	struct judged j;
	int refusal;

	if (!judged(&j))
		return 0;
	from = place_in(new_dir, old);
	refusal = answer(&j, GUARD_LINK, on_displaced(&j, &from), &from);
	if (refusal)
		return refusal;
	to = place_in(new_dir, new);
	return answer(&j, GUARD_LINK, verdict_on(&j, row_for(&j, IMAGE_FILE, &to), FILE_WRITE, &from), &to);
}

#endif
