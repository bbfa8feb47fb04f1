//go:build ignore

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Network rules of one container, at the hooks of its cgroup.
 *
 * sock_create judges every inet socket that a task of the cgroup, or of a
 * cgroup below it, makes for itself: socket(2), io_uring, 32-bit calls. Were
 * that all, the rules would not hold for sockets that the cgroup already had
 * when it was armed, or when its ruleset became stricter. The kernel judges
 * a socket's later use by the cgroup it was made in, so connect, sendmsg and
 * bind catch those: TCP and UDP, and ping sockets where the kernel calls the
 * hook for them. Of sockets older than the rules, these stay unjudged: one
 * already connected, a listener (listen and accept have no hook), and raw
 * sockets. A socket made in a cgroup outside is never judged.
 */
#include "report.h"

SEC("cgroup/sock_create")
int sock_create(struct bpf_sock *ctx)
{
	struct judgement j;
	struct event *e;

	if (judge(&j, ctx->family, ctx->type, ctx->protocol))
		return 1;
	e = begin_event(&j, HOOK_CREATE);
	if (e)
		bpf_ringbuf_submit(e, 0);
	return answer(&j);
}

static __always_inline int use(struct bpf_sock_addr *ctx, enum hook hook, __u32 address_family)
{
	struct judgement j;
	struct event *e;

	if (judge(&j, ctx->family, ctx->type, ctx->protocol))
		return 1;
	e = begin_event(&j, hook);
	if (e) {
		e->address_family = address_family;
		e->port = bpf_ntohs(ctx->user_port);
		if (address_family == AF_INET) {
			e->address[0] = ctx->user_ip4;
		} else {
			e->address[0] = ctx->user_ip6[0];
			e->address[1] = ctx->user_ip6[1];
			e->address[2] = ctx->user_ip6[2];
			e->address[3] = ctx->user_ip6[3];
		}
		bpf_ringbuf_submit(e, 0);
	}
	return answer(&j);
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	return use(ctx, HOOK_CONNECT, AF_INET);
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	return use(ctx, HOOK_CONNECT, AF_INET6);
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	return use(ctx, HOOK_SENDMSG, AF_INET);
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	return use(ctx, HOOK_SENDMSG, AF_INET6);
}

SEC("cgroup/bind4")
int bind4(struct bpf_sock_addr *ctx)
{
	return use(ctx, HOOK_BIND, AF_INET);
}

SEC("cgroup/bind6")
int bind6(struct bpf_sock_addr *ctx)
{
	return use(ctx, HOOK_BIND, AF_INET6);
}

char _license[] SEC("license") = "GPL";
