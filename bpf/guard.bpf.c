//go:build ignore

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guard: what tasks of armed containers do to files, programs, sockets
 * and mounts, and with capabilities, judged at the kernel's security hooks.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "guard/capable.h"
#include "guard/mount.h"
#include "guard/network.h"
#include "guard/process.h"
#include "guard/ptrace.h"
#include "guard/unix.h"

char _license[] SEC("license") = "GPL";
