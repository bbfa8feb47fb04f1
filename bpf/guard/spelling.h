/* SPDX-License-Identifier: GPL-2.0-only */
/* The name that a file is executed by: the last one of the path given to execve. */
#ifndef PREARM_GUARD_SPELLING_H
#define PREARM_GUARD_SPELLING_H

#include "path.h"

#define PATH_MAX 4096

struct spelling {
	void *image;
	__u64 end;    /* where the last name ends */
	__u64 name;   /* the file's own name */
	__u32 length; /* of the last name */
	__u32 state;
	__u32 compared;
	_Bool differs;
};

/* Looks for the last slash in a chunk; 1 at the end of the string. */
static long scan(__u32 number, struct spelling *s)
{
	__u8 chunk[CHUNK] = {};
	long size = bpf_probe_read_kernel_str(chunk, sizeof(chunk), (void *)s->end);

	for (int i = 0; i < CHUNK; i++) {
		if (!chunk[i])
			break;
		s->length = chunk[i] == '/' ? 0 : s->length + 1;
	}
	if (size > 0)
		s->end += size - 1;
	return size < (long)sizeof(chunk);
}

/* Compares a chunk of both names, and feeds that of the spelling; 1 at the end. */
static long compare(__u32 number, struct spelling *s)
{
	__u64 own[CHUNK / 8] = {}, spelled[CHUNK / 8] = {};
	__u64 left = (__u8)(s->length - s->compared);

	if (!left)
		return 1;
	if (left > CHUNK)
		left = CHUNK;
	bpf_probe_read_kernel(spelled, left, (void *)(s->end - s->length + s->compared));
	bpf_probe_read_kernel(own, left, (void *)(s->name + s->compared));
	for (int i = 0; i < CHUNK / 8; i++)
		s->differs |= own[i] != spelled[i];
	s->state = feed(s->image, s->state, (__u8 *)spelled, left);
	s->compared += left;
	return 0;
}

/*
 * The state behind the path that w has fed, a byte 0 and the last name of
 * filename; or just behind the path, if that name is the file's own.
 */
static __noinline __u32 spell(const struct walk *w, __u64 filename)
{
	struct spelling s = { .image = w->image, .end = filename, .length = zero, .compared = zero };
	struct dentry *dentry = (void *)w->object->dentry;
	struct {
		__u32 hash;
		__u32 length;
		__u64 name;
	} own; /* as the end of struct link */

	if (w->state & STATE_STOP)
		return w->state;
	peek(&own, &dentry->d_name);
	s.name = own.name;
	bpf_loop(PATH_MAX / (CHUNK - 1) + 1, scan, &s, 0);
	s.differs = s.length != own.length;
	s.state = step(s.image, w->state, 0);
	bpf_loop(CHUNKS, compare, &s, 0);
	return s.differs ? s.state : w->state;
}

#endif
