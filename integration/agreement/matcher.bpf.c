//go:build ignore

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guard's matcher, asked by user space: a program that walks an image with
 * the guard's own code, for paths that are given as bytes. What the guard's
 * hooks ask of an image for one access, this asks for a question.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../../bpf/guard/layout.h"
#include "../../bpf/guard/maps.h"
#include "../../bpf/guard/match.h"

char _license[] SEC("license") = "GPL";

#define PATH_SIZE 4096
#define NAME_SIZE 256

enum subject { ASK_FILE, ASK_PROCESS, ASK_MOUNT, ASK_NETWORK, ASK_CAPABILITY };

/* What user space writes, and the verdict's cell. */
struct question {
	__u64 verdict;
	enum subject subject;
	__u32 number; /* operation, kind of socket, or capability */
	__u32 owner;
	__u32 path_length;
	__u32 name_length;
	__u32 source_length;
	__u8 path[PATH_SIZE];
	__u8 source[PATH_SIZE];
	__u8 name[NAME_SIZE];
};

/* Questions that are asked at once, in each of several lanes. */
#define QUESTIONS 256
#define LANES 16

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, QUESTIONS * LANES);
	__type(key, __u32);
	__type(value, struct question);
} questions SEC(".maps");

/* What the program is run with. */
struct batch {
	struct digest ruleset;
	__u32 first; /* question */
	__u32 count;
};

struct lane {
	void *image;
	__u32 first;
};

struct walk {
	void *image;
	const __u8 *bytes;
	__u32 length;
	__u32 state;
};

/* One chunk of a path's. */
static long walk_chunk(__u32 chunk, void *data)
{
	struct walk *w = data;
	__u32 at = chunk * CHUNK & (PATH_SIZE - CHUNK);

	if (at >= w->length || w->state & STATE_STOP)
		return 1;
	w->state = feed(w->image, w->state, w->bytes + at, w->length - at < CHUNK ? w->length - at : CHUNK);
	return 0;
}

static __always_inline __u32 walk(void *image, __u32 root, const __u8 *bytes, __u32 length)
{
	struct walk w = { .image = image, .bytes = bytes, .length = length, .state = root };

	bpf_loop(PATH_SIZE / CHUNK, walk_chunk, &w, 0);
	return w.state;
}

/* Stands in for a verdict where no rule speaks. */
#define PERMITTED ((__u64)-1 << 32 | REASON_NONE << 8 | GUARD_PERMIT)

static __always_inline __u64 ask_path(void *image, const struct question *q, __u32 source)
{
	__u64 header = cell(image, q->subject == ASK_FILE ? IMAGE_FILE : IMAGE_PROCESS);
	__u32 state = low(header);
	_Bool exec = q->subject == ASK_PROCESS && q->number == PROCESS_EXEC;

	if (!state)
		return PERMITTED;
	if (!q->path_length)
		return exec ? verdict_of(image, low(cell(image, IMAGE_SPECIAL)), source, q->number, q->owner) : PERMITTED;
	state = walk(image, state, q->path, q->path_length);
	if (exec && q->name_length && high(cell(image, IMAGE_FORMAT)) & IMAGE_NAMES && !(state & STATE_STOP)) {
		state = step(image, state, 0);
		for (int at = 0; at < NAME_SIZE; at += CHUNK) {
			if (at >= q->name_length || state & STATE_STOP)
				break;
			state = feed(image, state, q->name + at, q->name_length - at < CHUNK ? q->name_length - at : CHUNK);
		}
	}
	return verdict_of(image, row_of(image, state), source, q->number, q->owner);
}

static __always_inline __u64 ask_table(void *image, __u32 table, __u32 width, __u32 source, __u32 number)
{
	return table ? cell(image, table + source * width + number) : PERMITTED;
}

static __always_inline __u64 ask(void *image, const struct question *q)
{
	__u32 source = 0, root = high(cell(image, IMAGE_SOURCES));
	__u64 header;

	if (root && q->source_length)
		source = row_of(image, walk(image, root, q->source, q->source_length));
	switch (q->subject) {
	case ASK_FILE:
	case ASK_PROCESS:
		return ask_path(image, q, source);
	case ASK_MOUNT:
		header = cell(image, IMAGE_SPECIAL);
		return high(header) ? cell(image, high(header)) : PERMITTED;
	case ASK_NETWORK:
		return ask_table(image, low(cell(image, IMAGE_TABLES)), GUARD_SOCKETS, source, q->number);
	case ASK_CAPABILITY:
		return ask_table(image, high(cell(image, IMAGE_TABLES)), GUARD_CAPABILITIES, source, q->number);
	}
	return 0;
}

static long answer(__u32 number, void *data)
{
	struct lane *lane = data;
	__u32 at = lane->first + number;
	struct question *q = bpf_map_lookup_elem(&questions, &at);

	if (!q)
		return 1;
	q->verdict = ask(lane->image, q);
	return 0;
}

/* Answers count questions; -1 if the ruleset has no image. */
SEC("syscall")
int decide(struct batch *b)
{
	struct digest ruleset = b->ruleset;
	struct lane lane = { .image = bpf_map_lookup_elem(&images, &ruleset), .first = b->first };

	if (!lane.image)
		return -1;
	bpf_loop(b->count, answer, &lane, 0);
	return 0;
}
