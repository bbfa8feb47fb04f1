/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PREARM_JUDGE_H
#define PREARM_JUDGE_H

#include "maps.h"

/* The C library's headers do not compile for BPF. */
#define EACCES 13

#define AF_INET 2
#define AF_INET6 10

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_DCCP 6

#define IPPROTO_ICMP 1
#define IPPROTO_DCCP 33
#define IPPROTO_ICMPV6 58
#define IPPROTO_SCTP 132

/*
 * The kind of an inet socket. The family does not matter: a rule that held
 * for one of the two alone would be walked around through the other.
 */
static __always_inline enum socket_kind classify(__u32 type, __u32 protocol)
{
	int raw = type == SOCK_RAW;

	switch (protocol) {
	case IPPROTO_ICMP:
		return raw ? KIND_RAW_ICMP : KIND_ICMP;
	case IPPROTO_ICMPV6:
		return raw ? KIND_RAW_ICMPV6 : KIND_ICMPV6;
	case IPPROTO_SCTP:
		return raw ? KIND_RAW_SCTP : KIND_SCTP;
	case IPPROTO_DCCP:
		return raw ? KIND_RAW_DCCP : KIND_DCCP;
	}
	switch (type) {
	case SOCK_STREAM:
		return KIND_TCP;
	case SOCK_DGRAM:
		return KIND_UDP;
	case SOCK_RAW:
		return KIND_RAW;
	case SOCK_DCCP:
		return KIND_DCCP;
	}
	return KIND_OTHER;
}

struct judgement {
	const struct container *self;
	struct verdict verdict;
	enum socket_kind kind;
	__u32 family;
	__u32 type;
	__u32 protocol;
};

/*
 * Judges a socket by the ruleset of the container that the running program is
 * attached to. Whatever is missing on the way blocks. True if there is
 * nothing to do but to permit.
 */
static __always_inline int judge(struct judgement *j, __u32 family, __u32 type, __u32 protocol)
{
	const struct ruleset *rules;

	j->self = bpf_get_local_storage(&containers, 0);
	j->family = family;
	j->type = type;
	j->protocol = protocol;
	j->kind = classify(type, protocol);
	rules = bpf_map_lookup_elem(&rulesets, &j->self->ruleset);
	if (rules && j->kind < SOCKET_KINDS) {
		j->verdict = rules->verdicts[j->kind];
	} else {
		j->verdict.rule = RULE_MISSING;
		j->verdict.action = ACTION_BLOCK;
	}
	return j->verdict.action == ACTION_PERMIT;
}

/* What the program returns; with nothing set, a denial would be an EPERM. */
static __always_inline int answer(const struct judgement *j)
{
	if (j->verdict.action == ACTION_AUDIT)
		return 1;
	bpf_set_retval(-EACCES);
	return 0;
}

#endif
