/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps, as doc.go explains them. */
#ifndef PREARM_MAPS_H
#define PREARM_MAPS_H

#include "prearm.h"

#define MAX_RULESETS 65536
#define RING_SIZE (512 * 1024)

/*
 * A bare u64 as key makes all programs attached to a cgroup share one value.
 */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, __u64);
	__type(value, struct container);
} containers SEC(".maps");

/* Not preallocated: the map costs what its entries cost. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_RULESETS);
	__type(key, struct digest);
	__type(value, struct ruleset);
} rulesets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_SIZE);
	__type(value, struct event); /* for the BTF alone */
} events SEC(".maps");

/* Events that found the ring full, by action. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ACTION_PERMIT);
	__type(key, __u32);
	__type(value, __u64);
} losses SEC(".maps");

#endif
