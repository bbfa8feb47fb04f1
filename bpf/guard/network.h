/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Network rules: creating a socket, and every use of one that the task has
 * from elsewhere, by inheritance, from before its rules, or from another task.
 *
 * Two uses of such a socket have no hook of a socket's: splice and sendfile
 * before Linux 6.5, and reading what was mapped from it by a task that might.
 */
#ifndef PREARM_GUARD_NETWORK_H
#define PREARM_GUARD_NETWORK_H

#include "report.h"

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define AF_PACKET 17
#define AF_VSOCK 40
#define AF_SMC 43

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_SEQPACKET 5
#define SOCK_DCCP 6
#define SOCK_PACKET 10

#define IPPROTO_ICMP 1
#define IPPROTO_DCCP 33
#define IPPROTO_ICMPV6 58
#define IPPROTO_SCTP 132

/* The first of enum guard_socket: translate.SocketKind's. */
enum inet_kind {
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
};

/*
 * Neither inet family is told from the other: a rule that held for one alone
 * would be walked around through the other. Protocol 0 is the type's default,
 * as a socket that is yet to be has it.
 */
static __always_inline __u32 inet_kind(__u32 type, __u32 protocol)
{
	int raw = type == SOCK_RAW;

	if (type == SOCK_PACKET)
		return GUARD_PACKET;
	switch (protocol) {
	case IPPROTO_ICMP:
		return raw ? KIND_RAW_ICMP : KIND_ICMP;
	case IPPROTO_ICMPV6:
		return raw ? KIND_RAW_ICMPV6 : KIND_ICMPV6;
	case IPPROTO_SCTP:
		return raw ? KIND_RAW_SCTP : KIND_SCTP;
	case IPPROTO_DCCP:
		if (raw)
			return KIND_RAW_DCCP;
	}
	switch (type) {
	case SOCK_STREAM:
		return KIND_TCP;
	case SOCK_DGRAM:
		return KIND_UDP;
	case SOCK_RAW:
		return KIND_RAW;
	case SOCK_SEQPACKET:
		return protocol ? KIND_OTHER : KIND_SCTP;
	case SOCK_DCCP:
		return protocol && protocol != IPPROTO_DCCP ? KIND_OTHER : KIND_DCCP;
	}
	return KIND_OTHER;
}

static __always_inline __u32 kind_of(__u32 family, __u32 type, __u32 protocol)
{
	switch (family) {
	case AF_INET:
	case AF_INET6:
		return inet_kind(type, protocol);
	case AF_PACKET:
		return GUARD_PACKET;
	case AF_SMC:
		return GUARD_SMC;
	case AF_VSOCK:
		return GUARD_VSOCK;
	}
	return GUARD_FAMILY;
}

/* No rule, an allow-list's posture included, ever speaks of these. */
static __always_inline int unmeant(__u32 family)
{
	return family == AF_UNIX || family == AF_NETLINK;
}

static __always_inline int judge_socket(enum guard_hook hook, __u32 family, __u32 type, __u32 protocol)
{
	struct about about = {.family = family, .type = type, .protocol = protocol};
	struct judged j;
	__u32 table;

	if (unmeant(family) || !judged(&j))
		return 0;
	table = low(verdict_at(&j, IMAGE_TABLES));
	if (j.image && !table)
		return 0;
	table += j.source * GUARD_SOCKETS + kind_of(family, type, protocol);
	return refused_about(&j, hook, verdict_at(&j, table), &about) ? -EACCES : 0;
}

SEC("lsm/socket_create")
int BPF_PROG(socket_create, int family, int type, int protocol, int kern)
{
	return kern ? 0 : judge_socket(GUARD_SOCKET, family, type, protocol);
}

/*
 * A socket without a file is the kernel's own, such as a network file system's:
 * the task that it sends or receives for knows nothing of it. (sk_kern_sock
 * does not tell: an SMC socket that falls back to TCP hands its user one.)
 */
static __always_inline int use(struct socket *socket, enum guard_hook hook)
{
	struct sock *sk = socket->sk;

	if (!socket->file || !sk)
		return 0;
	return judge_socket(hook, sk->__sk_common.skc_family, sk->sk_type, sk->sk_protocol);
}

SEC("lsm/socket_bind")
int BPF_PROG(socket_bind, struct socket *socket)
{
	return use(socket, GUARD_SOCKET_BIND);
}

SEC("lsm/socket_connect")
int BPF_PROG(socket_connect, struct socket *socket)
{
	return use(socket, GUARD_SOCKET_CONNECT);
}

SEC("lsm/socket_listen")
int BPF_PROG(socket_listen, struct socket *socket)
{
	return use(socket, GUARD_SOCKET_LISTEN);
}

SEC("lsm/socket_accept")
int BPF_PROG(socket_accept, struct socket *socket)
{
	return use(socket, GUARD_SOCKET_ACCEPT);
}

SEC("lsm/socket_sendmsg")
int BPF_PROG(socket_sendmsg, struct socket *socket)
{
	return use(socket, GUARD_SOCKET_SEND);
}

SEC("lsm/socket_recvmsg")
int BPF_PROG(socket_recvmsg, struct socket *socket)
{
	return use(socket, GUARD_SOCKET_RECEIVE);
}

/* Options hand out what arrives, too: TCP's zero-copy receive, a packet socket's rings. */
SEC("lsm/socket_setsockopt")
int BPF_PROG(socket_setsockopt, struct socket *socket)
{
	return use(socket, GUARD_SOCKET_OPTION);
}

SEC("lsm/socket_getsockopt")
int BPF_PROG(socket_getsockopt, struct socket *socket)
{
	return use(socket, GUARD_SOCKET_OPTION);
}

#endif
