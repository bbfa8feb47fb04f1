/* SPDX-License-Identifier: GPL-2.0-only */
/* An event, as the programs write it and the Go side reads it. */
#ifndef PREARM_GUARD_EVENT_H
#define PREARM_GUARD_EVENT_H

#include "layout.h"

/* What the task was about to do. */
enum guard_hook {
	GUARD_OPEN,
	GUARD_CREATE,
	GUARD_CHANGE, /* truncate, chmod, chown */
	GUARD_REMOVE,
	GUARD_RENAME,
	GUARD_LINK,
	GUARD_CONNECT, /* to a unix socket by path */
	GUARD_EXEC,
	GUARD_MAP,
	GUARD_SOCKET,
	GUARD_SOCKET_BIND,
	GUARD_SOCKET_CONNECT,
	GUARD_SOCKET_LISTEN,
	GUARD_SOCKET_ACCEPT,
	GUARD_SOCKET_SEND,
	GUARD_SOCKET_RECEIVE,
	GUARD_SOCKET_OPTION,
	GUARD_CAPABLE,
	GUARD_MOUNT, /* mount(2), whatever its flags */
	GUARD_MOVE_MOUNT,
	GUARD_UMOUNT,
	GUARD_PIVOT_ROOT,
	GUARD_REMOUNT, /* by fsconfig(2) */
	GUARD_FSCONFIG, /* a new file system, mounted nowhere yet */
	GUARD_TRACE,
	GUARD_TRACEME,
	GUARD_TRACED_EXEC,
	GUARD_HOOKS, /* their count */
};

enum event_flag {
	EVENT_PATH = 1,      /* the event is about an object with a path */
	EVENT_PATH_CUT = 2,  /* of which the names nearest to the root are missing */
	EVENT_PATH_LOST = 4, /* whose names do not lead to the root of a namespace's mounts */
};

struct event {
	__u64 time;      /* ns since boot, time asleep included */
	__u64 container; /* id of its cgroup */
	struct digest ruleset; /* of the container's record; zero if that is gone */
	__u64 verdict;   /* a cell, as in an image */
	__u32 hook;      /* enum guard_hook */
	enum event_flag flags;
	__u32 source;    /* the task's source class */
	__u32 pid;       /* process, in the first pid namespace */
	__u32 tid;       /* thread, likewise */
	__u32 ppid;      /* parent process, likewise */
	__u32 uid;       /* real, in the first user namespace */
	__u32 owner;     /* the object's user, in the first user namespace, if it has a path */
	__u32 number;    /* the capability; the pid of the traced or tracing process */
	__u32 family;    /* the socket's */
	__u32 type;
	__u32 protocol;
	__u32 path_size; /* bytes of names */
	char comm[COMM_SIZE];
};

#define NAME_SIZE 256
#define PATH_ROOM 1024

/*
 * An event about an object with a path: names from the object up to the root,
 * a NUL after each. Events about other objects end before.
 */
struct path_event {
	struct event event;
	char path[PATH_ROOM];
};

#endif
