/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PREARM_GUARD_MAPS_H
#define PREARM_GUARD_MAPS_H

#include "event.h"
#include "layout.h"

#define MAX_GUARDED 65536
#define MAX_TASKS 262144
#define EVENT_RING (1024 * 1024)

/* A version's containers, by the id of their cgroup. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_GUARDED);
	__type(key, __u64);
	__type(value, struct guarded);
} guardeds SEC(".maps");

/*
 * The tasks of containers, by the address of the task: unlike task storage,
 * whose lookups fail while the storage is busy, a hash gives no false "none".
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_TASKS);
	__type(key, __u64);
	__type(value, struct task);
} tasks SEC(".maps");

/* The form of every image: as many cells as its ruleset needs. */
struct image {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP);
	__uint(max_entries, IMAGE_HEADER);
	__type(key, __u32);
	__type(value, __u64);
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, MAX_GUARDED);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct digest);
	__array(values, struct image);
} images SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENT_RING);
	__type(value, struct event); /* for the BTF alone */
} guard_events SEC(".maps");

/* Events that found the ring full, by action. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GUARD_PERMIT);
	__type(key, __u32);
	__type(value, __u64);
} guard_losses SEC(".maps");

#endif
