/* SPDX-License-Identifier: GPL-2.0-only */
/* An image's automata, walked over bytes, and the verdicts that they end in. */
#ifndef PREARM_GUARD_MATCH_H
#define PREARM_GUARD_MATCH_H

#include "maps.h"

/* As many bytes as are fed to an automaton at once. */
#define CHUNK 16

static __always_inline __u32 low(__u64 cell)
{
	return (__u32)cell;
}

static __always_inline __u32 high(__u64 cell)
{
	return cell >> 32;
}

/* A cell of an image, which is a map of images; 0 if the image ends before. */
static __always_inline __u64 cell(void *image, __u32 number)
{
	__u64 *found = bpf_map_lookup_elem(image, &number);

	return found ? *found : 0;
}

/*
 * The state behind a byte. No state is 0, as the header is there: what should
 * have led on, but did not, stops there.
 */
static __always_inline __u32 step(void *image, __u32 state, __u8 byte)
{
	__u64 next = cell(image, state + byte);

	if (low(next) != state)
		next = cell(image, state + STATE_META);
	return high(next) ?: STATE_STOP;
}

struct feeding {
	void *image;
	const __u8 *bytes;
	__u32 state;
};

/* One byte; 1 where no more of them matter. */
static long feed_byte(__u32 number, struct feeding *f)
{
	if (f->state & STATE_STOP)
		return 1;
	f->state = step(f->image, f->state, f->bytes[number % CHUNK]);
	return 0;
}

/* The state behind count bytes, of which there are no more than CHUNK. */
static __always_inline __u32 feed(void *image, __u32 state, const __u8 *bytes, __u32 count)
{
	struct feeding f = { image, bytes, state };

	bpf_loop(count, feed_byte, &f, 0);
	return f.state;
}

/* The row of a state; 0 if it has none, which blocks. */
static __always_inline __u32 row_of(void *image, __u32 state)
{
	state &= ~STATE_STOP;
	return state ? low(cell(image, state + STATE_META)) : 0;
}

/*
 * What a row says of an operation by a task of a source class, who owns the
 * object or not. 0 blocks, for it is GUARD_BLOCK and REASON_MISSING.
 */
static __always_inline __u64 verdict_of(void *image, __u32 row, __u32 source, __u32 operation, _Bool owner)
{
	return row ? cell(image, row + source * ROW_CELLS + operation * 2 + owner) : 0;
}

static __always_inline enum guard_action action_of(__u64 verdict)
{
	return (__u8)verdict;
}

static __always_inline enum guard_reason reason_of(__u64 verdict)
{
	return (__u8)(verdict >> 8);
}

#endif
