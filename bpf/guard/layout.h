/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guard's programs and the Go side agree on: the maps' values, and
 * the image of a ruleset. translate.Image writes what is read here.
 */
#ifndef PREARM_GUARD_LAYOUT_H
#define PREARM_GUARD_LAYOUT_H

#define DIGEST_SIZE 32
#define COMM_SIZE 16

/* Aligned, so that it is copied and cleared by words. */
struct digest {
	__u8 bytes[DIGEST_SIZE];
} __attribute__((aligned(8)));

/*
 * An image is an array of 64-bit cells; halves are named low (bits 0 to 31)
 * and high. What is missing, or zero, blocks.
 */
enum image_header {
	IMAGE_FORMAT,  /* low: IMAGE_VERSION; high: flags */
	IMAGE_SOURCES, /* low: number of source classes, "any" included; high: root state of the sources' automaton, 0 if all are class 0 */
	IMAGE_FILE,    /* low: root state, 0 if no rule is about files; high: row of an unresolved path */
	IMAGE_PROCESS, /* low: root state, 0 if no rule is about processes; high: row of an unresolved path */
	IMAGE_SPECIAL, /* low: row of executing a nameless file; high: cell of the verdict on mounting, 0 permits */
	IMAGE_TABLES,  /* low: table of network verdicts, 0 if none; high: of capabilities, 0 if none */
	IMAGE_HEADER,  /* the header's size */
};

#define IMAGE_VERSION 1

enum image_flag {
	IMAGE_NAMES = 1, /* some rule is about the name that a file is executed by */
};

/*
 * A state of an automaton is the index of its first cell. The cell of a byte
 * is low: the state itself, if the byte has a transition of its own; high: the
 * next state. The cell behind those of all bytes is low: the state's row;
 * high: the next state for all other bytes.
 */
#define STATE_META 256
/* Set in a next state: whatever bytes follow, the row stays that of this state. */
#define STATE_STOP 0x80000000u

/* The operations of a row, for files and for processes. */
enum file_operation { FILE_READ, FILE_WRITE, FILE_TAMPER };
enum process_operation { PROCESS_EXEC, PROCESS_MAP, PROCESS_TAMPER };
#define OPERATIONS 3

/*
 * A row has a verdict for [source class][operation][is the acting user the
 * owner]. The sources' automaton has the class itself for a row.
 */
#define ROW_CELLS (OPERATIONS * 2)

/* A verdict's low half is action, reason and tier, a byte each; its high half the rule's number, signed. */
enum guard_action {
	GUARD_BLOCK,
	GUARD_AUDIT,
	GUARD_PERMIT,
};

enum guard_reason {
	REASON_MISSING, /* no image, or none that this program reads: everything is blocked */
	REASON_RULE,
	REASON_FLAG,
	REASON_POSTURE,
	REASON_BASE,
	REASON_NONE,
	REASON_LOADER,
	REASON_NAMELESS,
	REASON_TAMPER,
	REASON_UNRESOLVED, /* no path was found for the object */
	REASON_TRACE, /* who controls another task acts as that one */
};

/*
 * Sockets, as the network table tells them apart: [source class][kind]. The
 * first are translate.SocketKind's.
 */
enum guard_socket {
	GUARD_PACKET = 12, /* AF_PACKET, and SOCK_PACKET over inet */
	GUARD_SMC,
	GUARD_VSOCK,
	GUARD_FAMILY, /* any other family but unix and netlink */
	GUARD_SOCKETS,
};

/* The capability table is [source class][number]. */
#define GUARD_CAPABILITIES 64

/* One per armed container, by the id of its cgroup. */
struct guarded {
	struct digest ruleset;
	__u64 generation; /* another at each change of the ruleset, never reused on a node */
	__u32 root_mount; /* id of the mount that is the container's root */
	__u32 user_ns;    /* inode number of the container's user namespace */
	__u32 flags;
	__u32 reserved;
};

enum guarded_flag {
	GUARDED_ADMIT_FIRST = 1, /* what the runtime executes may be missing in an allow-list */
};

/* One per task of an armed container, by the task's address. */
struct task {
	__u64 container;  /* id of its cgroup */
	__u64 generation; /* of the ruleset that source is a class of */
	__u64 executable; /* address of the dentry that it executed */
	__u32 source;     /* source class */
	__u32 reserved;
};

#endif
