package translate

import "slices"

// SeccompFloor lists the system calls that runc's init needs between the
// filter's installation and the entrypoint's execve. Without no_new_privs
// that is all of: closing descriptors, dropping capabilities, changing user,
// finding the program, waiting on the exec fifo. It also has what Go's
// runtime and the C library's threads may call at any moment. The filter
// cannot tell runc's calls from the container's, so these stay open.
//
// Taken from traces of runc 1.1.5, 1.3.6 and 1.4.0, run and exec, with and
// without no_new_privs; the tests of package profiles start containers under
// a filter that allows nothing else.
func SeccompFloor() []string {
	return []string{
		// runc's init
		"capget", "capset", "chdir", "close", "close_range", "execve",
		"faccessat", "faccessat2", "fchown", "fcntl", "fstat", "fstatfs",
		"getcwd", "getdents64", "getpid", "getppid", "newfstatat", "openat", "openat2",
		"prctl", "read", "readlinkat", "setgid", "setgroups", "setuid", "statx",
		"uname", "write",
		// Go's runtime
		"brk", "clock_gettime", "epoll_create1", "epoll_ctl", "epoll_pwait",
		"eventfd2", "exit", "exit_group", "futex", "getrandom", "gettid", "madvise",
		"mmap", "mprotect", "munmap", "nanosleep", "pipe2", "restart_syscall",
		"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_getaffinity",
		"sched_yield", "sigaltstack", "tgkill",
		// a new thread of either
		"clone", "clone3", "rseq", "set_robust_list",
	}
}

// OnSeccompFloor says whether runc itself needs the system call.
func OnSeccompFloor(name string) bool {
	return slices.Contains(SeccompFloor(), name)
}
