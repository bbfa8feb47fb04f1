/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of the kernel's structures as the guard looks at. Where their fields
 * are, and whether, is told by the running kernel's BTF.
 */
#ifndef PREARM_GUARD_KERNEL_H
#define PREARM_GUARD_KERNEL_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* The C library's headers do not compile for BPF. */
#define EPERM 1
#define EAGAIN 11
#define EACCES 13
#define EINVAL 22

#define PROT_EXEC 4

#define O_WRITING 3 /* O_WRONLY, O_RDWR and, for ioctls alone, both */
#define O_TRUNC 01000
#define O_APPEND 02000

/* Of struct file; not told by BTF, the same since Linux 2.6.36 and 4.19. */
#define FMODE_READ 1
#define FMODE_WRITE 2
#define FMODE_EXEC 0x20 /* in f_flags, where no process can set it */
#define FMODE_BACKING 0x3000000 /* the upper bit before Linux 6.12, and the lower one since; with FMODE_NOACCOUNT */
#define FMODE_NOACCOUNT 0x20000000

#define RENAME_EXCHANGE 2

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	__u32 val;
} kuid_t;

struct qstr {
	const unsigned char *name;
};

struct inode {
	kuid_t i_uid;
};

struct super_block;

struct dentry {
	struct dentry *d_parent;
	struct super_block *d_sb;
	struct qstr d_name;
	struct inode *d_inode;
};

struct user_namespace {
	struct {
		unsigned int inum;
	} ns;
};

struct list_head {
	struct list_head *next;
};

struct super_block {
	unsigned long s_flags;
	struct user_namespace *s_user_ns;
	struct list_head s_mounts;
};

struct mnt_idmap;

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
	struct mnt_idmap *mnt_idmap; /* since 6.2 */
};

struct vfsmount___before_6_2 { /* which has this instead */
	struct user_namespace *mnt_userns;
};

struct mount;

struct mnt_namespace {
	struct mount *root;
	__u64 seq; /* 0 if it is that of a detached tree */
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
	struct list_head mnt_instance; /* in s_mounts */
	int mnt_id;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	unsigned int f_mode;
	unsigned int f_flags;
	struct path f_path;
};

/* The file of a union file system that was made for one of its layers'. */
struct backing_file {
	struct file file;
	struct path user_path; /* since 6.8, when file's own path became the layer's */
};

struct mm_struct {
	struct file *exe_file;
};

struct vm_area_struct {
	struct file *vm_file;
};

struct fs_struct {
	struct path root;
};

struct cred {
	kuid_t fsuid;
	struct user_namespace *user_ns;
	/* 64 bits: two integers before 6.3, one since. */
	struct {
	} cap_effective;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
};

struct task_struct {
	struct nsproxy *nsproxy;
	int tgid;
	unsigned int ptrace; /* not 0 while parent traces it */
	struct task_struct *real_parent;
	struct task_struct *parent;
	struct list_head ptraced; /* whom it traces */
	struct mm_struct *mm;
	struct fs_struct *fs;
	const struct cred *real_cred;
	const struct cred *cred;
};

struct linux_binprm {
	struct file *file;
	const char *filename;
	const char *interp;
};

struct sock {
	struct {
		unsigned short skc_family;
	} __sk_common;
	__u16 sk_type;
	__u16 sk_protocol;
};

struct socket {
	struct file *file; /* NULL if no process has a descriptor of it */
	struct sock *sk;
};

struct unix_sock {
	struct path path;
	struct sock *peer;
};

#pragma clang attribute pop

/* Reads what of the kernel's memory is at an address; zeros where there is none. */
#define peek(to, from) bpf_probe_read_kernel(to, sizeof(*(to)), from)

/* A struct path as two addresses: the dentry of an object and where it is mounted. */
struct place {
	__u64 mnt;
	__u64 dentry;
};

#endif
