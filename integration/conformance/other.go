package conformance

import (
	"maps"
	"slices"
	"strings"

	"github.com/prearm/prearm/policy"
)

// allSockets tries every kind of socket, as the source if one is given.
func allSockets(suffix string) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(sockets())) {
		all = append(all, "socket "+name+suffix)
	}
	return all
}

func networkCases() []*Case {
	var cases []*Case
	for _, rule := range []string{
		"Block network protocol tcp", "Block network protocol udp", "Block network protocol icmp", "Block network protocol icmpv6",
		"Block network protocol raw", "Block network protocol all", "Block network protocol sctp",
		"Audit network protocol tcp", "Audit network protocol raw", "Audit network protocol all",
		"Allow network protocol tcp", "Allow network protocol udp", "Allow network protocol raw", "Allow network protocol all",
	} {
		cases = append(cases, newCase("network", []string{rule}, allSockets("")...))
	}
	cases = append(cases,
		newCase("network", []string{"Allow network protocol tcp"}, allSockets("")...).under(policy.Audit),
		newCase("network", []string{"Block network protocol all", "Audit network protocol tcp"}, "socket tcp", "socket udp", "socket packet"),
		newCase("network", []string{"Allow network protocol all", "Block network protocol icmp"}, "socket tcp", "socket rawicmp", "socket packet"),
	)
	// Sources of their own, so that several cases share a container.
	sources := []string{"/s", "/t", "/u", "/v", "/w", "/x"}
	for i, protocol := range []string{"tcp", "icmp", "all"} {
		for j, mode := range modes() {
			source := sources[(i*len(modes())+j)%len(sources)]
			c := newCase("network, from one source", []string{mode.action + " network protocol " + protocol + " from " + source}).under(mode.posture)
			for _, socket := range []string{"tcp", "udp", "rawicmp", "packet", "unix"} {
				c.tries("socket " + socket + " as " + source)
			}
			cases = append(cases, c.tries("socket tcp", "socket rawicmp"))
		}
	}
	return cases
}

// uses are the capabilities whose use can be seen, each with an act.
func uses() map[string]string {
	return map[string]string{
		"CAP_NET_RAW": "", "CAP_NET_BIND_SERVICE": "", "CAP_CHOWN": "~/f", "CAP_FOWNER": "~/g", "CAP_DAC_OVERRIDE": "~/h",
		"CAP_SYS_CHROOT": "", "CAP_MKNOD": "~/n", "CAP_SETUID": "", "CAP_SETGID": "", "CAP_SETPCAP": "",
	}
}

// use is the access that uses a capability.
func use(name string) string {
	owner := ""
	if name == "CAP_FOWNER" || name == "CAP_DAC_OVERRIDE" {
		owner = " owner 1000"
	}
	return "capability " + uses()[name] + " " + name + owner
}

// useFrom is the same by the source /s, of an object of its own.
func useFrom(name string) string {
	return strings.Replace(use(name), " ~/", " ~/s", 1) + " as /s"
}

func capabilityCases() []*Case {
	var cases []*Case
	var every []string
	for _, name := range slices.Sorted(maps.Keys(uses())) {
		every = append(every, use(name))
		cases = append(cases,
			newCase("capabilities", []string{"Block capabilities capability " + name}, use(name)),
			newCase("capabilities", []string{"Audit capabilities capability " + name}, use(name)),
			newCase("capabilities", []string{"Allow capabilities capability " + name}, use(name)),
			newCase("capabilities, from one source", []string{"Block capabilities capability " + name + " from /s"}, useFrom(name), use(name)),
		)
	}
	allowed := []string{"Allow capabilities capability CAP_SETPCAP", "Allow capabilities capability CAP_CHOWN"}
	return append(cases,
		newCase("capabilities", allowed, every...),
		newCase("capabilities", allowed, every...).under(policy.Audit),
		newCase("capabilities", []string{"Allow capabilities capability CAP_CHOWN", "Block capabilities capability CAP_CHOWN"}, use("CAP_CHOWN")),
		newCase("capabilities", []string{"Allow capabilities capability CAP_CHOWN", "Audit capabilities capability CAP_MKNOD"}, use("CAP_CHOWN"), use("CAP_MKNOD"), use("CAP_FOWNER")),
		newCase("capabilities, from one source", []string{"Audit capabilities capability CAP_CHOWN from /s"}, useFrom("CAP_CHOWN"), use("CAP_CHOWN")),
		newCase("capabilities, from one source", []string{"Allow capabilities capability CAP_CHOWN from /s"},
			useFrom("CAP_CHOWN"), useFrom("CAP_MKNOD"), use("CAP_CHOWN"), use("CAP_MKNOD")),
		newCase("capabilities, from one source", []string{"Allow capabilities capability CAP_CHOWN from /s"},
			useFrom("CAP_CHOWN"), useFrom("CAP_MKNOD"), use("CAP_CHOWN"), use("CAP_MKNOD")).under(policy.Audit),
		newCase("capabilities, from one source", []string{"Block capabilities capability CAP_CHOWN", "Allow capabilities capability CAP_CHOWN from /s"}, useFrom("CAP_CHOWN"), use("CAP_CHOWN")),
	)
}

func syscallCases() []*Case {
	var cases []*Case
	names := []string{"eventfd2", "inotify_init1", "timerfd_create", "sysinfo", "times", "personality", "sched_getparam", "msgget", "socketpair"}
	for _, name := range names {
		cases = append(cases, newCase("system calls", []string{"Block syscalls syscall " + name + " enforce"}, "syscall "+name, "syscall getrusage"))
	}
	return append(cases,
		newCase("system calls", []string{"Block syscalls syscall sysinfo"}, "syscall sysinfo"),
		newCase("system calls", []string{"Audit syscalls syscall sysinfo"}, "syscall sysinfo", "syscall times"),
		newCase("system calls", []string{"Allow syscalls syscall sysinfo"}, "syscall sysinfo", "syscall times"),
		newCase("system calls", []string{"Block syscalls syscall sysinfo enforce from /s"}, "syscall sysinfo as /s", "syscall sysinfo"),
		newCase("system calls", []string{"Block syscalls syscall unlink on ~/f enforce"}, "unlink ~/f"),
	)
}
