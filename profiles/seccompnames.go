package profiles

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// twins gives a system call's name and those of its forms that only 32-bit
// programs have: wider arguments came under new numbers there. Whoever blocks
// chown means chown32 too.
func twins(name string) []string {
	names := []string{name}
	for _, form := range []string{name + "32", name + "64", name + "_64", name + "_time64"} {
		if slices.Contains(onlyIn32Bit(), form) {
			names = append(names, form)
		}
	}
	switch name {
	case "lseek":
		names = append(names, "_llseek")
	case "select":
		names = append(names, "_newselect")
	case "getrlimit":
		names = append(names, "ugetrlimit")
	case "umount2":
		names = append(names, "umount")
	}
	return names
}

// onlyIn32Bit are the wide forms of calls on 32-bit x86 and ARM, from the
// tables of libseccomp 2.5.4.
func onlyIn32Bit() []string {
	return []string{
		"chown32", "clock_adjtime64", "clock_getres_time64", "clock_gettime64",
		"clock_nanosleep_time64", "clock_settime64", "fadvise64_64", "fchown32",
		"fcntl64", "fstat64", "fstatat64", "fstatfs64", "ftruncate64",
		"futex_time64", "getegid32", "geteuid32", "getgid32", "getgroups32",
		"getresgid32", "getresuid32", "getuid32", "io_pgetevents_time64",
		"lchown32", "lstat64", "mq_timedreceive_time64", "mq_timedsend_time64",
		"ppoll_time64", "pselect6_time64", "recvmmsg_time64",
		"rt_sigtimedwait_time64", "sched_rr_get_interval_time64",
		"semtimedop_time64", "sendfile64", "setfsgid32", "setfsuid32",
		"setgid32", "setgroups32", "setregid32", "setresgid32", "setresuid32",
		"setreuid32", "setuid32", "stat64", "statfs64", "timer_gettime64",
		"timer_settime64", "timerfd_gettime64", "timerfd_settime64",
		"truncate64", "utimensat_time64",
	}
}

// multiplexes says whether programs of arch reach the socket and System V IPC
// calls through one call each, socketcall and ipc.
func multiplexes(arch specs.Arch) bool {
	switch arch {
	case specs.ArchX86, specs.ArchS390, specs.ArchS390X, specs.ArchMIPS, specs.ArchMIPSEL,
		specs.ArchPPC, specs.ArchPPC64, specs.ArchPPC64LE:
		return true
	}
	return false
}
