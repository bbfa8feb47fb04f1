// Package bpf holds the kernel's side of network rules: it keeps a set of
// cgroup programs and maps pinned on the node, and arms one container's
// cgroup with them.
//
// # Shape
//
// Programs and maps are loaded once per node and stay pinned in a bpffs. A
// container costs one attachment per hook and one map value; containers with
// the same plan share one ruleset.
//
//	<dir>/<version>/            dir is normally /sys/fs/bpf/prearm
//	    sock_create connect4 connect6 sendmsg4 sendmsg6 bind4 bind6
//	    containers rulesets events losses
//	    links/<hash of the container's ID>/
//	        sock_create ... bind6  the pinned attachments
//	        id                     a symlink whose text is the quoted ID
//	        ruleset                a symlink whose text is the digest
//
// The version is a hash of the object file, so that the programs of two
// releases live side by side, and containers keep those they started with. A
// version of another release goes when its last container does, or with the
// next Prune if a process of that release disarmed it. What happens under dir
// happens under an exclusive lock on dir.
//
// # Maps
//
//	containers  CGROUP_STORAGE    armed cgroup -> {digest of its plan, its id}
//	rulesets    HASH              digest -> one {action, rule} per socket kind
//	events      RINGBUF           one event per denial and audit hit
//	losses      PERCPU_ARRAY      events that found the ring full, by action
//
// A program asks containers for the value of the cgroup that it is attached
// to, not of the cgroup that the task is in. So a process that moves to a
// cgroup of its own below the container's is judged by the same value, and no
// ancestor has to be looked up. The value is created, zeroed, by the first
// attachment; the zero digest names no ruleset, and without a ruleset every
// socket is refused. Hence the order: attach, then write the value. It lives
// until the cgroup is gone, which is why a Detach leaves nothing to delete.
//
// A ruleset is written when a container with its digest starts and dropped
// when the last one is gone. A ruleset may be replaced while in force; the
// programs see the old one or the new one.
//
// # What is judged
//
// See prearm.bpf.c for the hooks, and for the sockets that they do not see.
package bpf
