//go:build ignore

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guard: what tasks of armed containers do to files, programs, sockets
 * and mounts, and with capabilities, judged at the kernel's security hooks.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "guard/process.h"

char _license[] SEC("license") = "GPL";
