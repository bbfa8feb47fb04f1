/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs and the Go side agree on. Go's types are generated from
 * the BTF of these declarations; layout_test.go compares the two again.
 */
#ifndef PREARM_H
#define PREARM_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define DIGEST_SIZE 32
#define COMM_SIZE 16

/* translate.SocketKind has the same members in the same order. */
enum socket_kind {
	KIND_TCP,
	KIND_UDP,
	KIND_ICMP,
	KIND_ICMPV6,
	KIND_RAW_ICMP,
	KIND_RAW_ICMPV6,
	KIND_RAW,
	KIND_SCTP,
	KIND_DCCP,
	KIND_OTHER,
	KIND_RAW_SCTP,
	KIND_RAW_DCCP,
	SOCKET_KINDS,
};

/*
 * PERMIT is not zero, so that memory nobody has written never permits: what
 * is none of these blocks.
 */
enum action {
	ACTION_BLOCK,
	ACTION_AUDIT,
	ACTION_PERMIT,
};

enum hook {
	HOOK_CREATE,
	HOOK_CONNECT,
	HOOK_SENDMSG,
	HOOK_BIND,
};

enum decider {
	RULE_POSTURE = -1, /* no rule matched, the posture answers */
	RULE_MISSING = -2, /* the container has no ruleset: everything is blocked */
};

struct verdict {
	__s32 rule; /* a rule's number, or a decider */
	enum action action;
};

struct ruleset {
	struct verdict verdicts[SOCKET_KINDS];
};

/* Aligned, so that it is copied and cleared by words. */
struct digest {
	__u8 bytes[DIGEST_SIZE];
} __attribute__((aligned(8)));

/* One per armed cgroup. */
struct container {
	struct digest ruleset;
	__u64 cgroup; /* its id, for events */
};

struct event {
	__u64 time; /* ns since boot, time asleep included */
	__u64 cgroup; /* the armed cgroup, also if the task is in a child of it; 0 while unarmed */
	struct digest ruleset;
	__s32 rule; /* a rule's number, or a decider */
	enum action action;
	enum hook hook;
	enum socket_kind kind;
	__u32 pid; /* process, in the first pid namespace */
	__u32 tid; /* thread, likewise */
	__u32 uid; /* in the first user namespace */
	__u32 family; /* the socket's */
	__u32 type;
	__u32 protocol;
	__u32 address_family; /* of address: a socket of family IPv6 can address IPv4; 0: none */
	__u32 address[4]; /* network order; connect and sendmsg: remote, bind: local */
	__u32 port; /* host order */
	char comm[COMM_SIZE];
};

#endif
