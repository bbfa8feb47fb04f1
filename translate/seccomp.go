package translate

import (
	"fmt"
	"slices"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

// compileSyscalls takes the rules that a seccomp filter enforces exactly: a
// Block for every process, on the call whatever its arguments. By the
// specification all other rules on system calls only audit.
func compileSyscalls(p *Plan, rules []model.Rule, host Host) (outcomes, error) {
	out := outcomes{}
	var blocked []string
	for _, r := range rules {
		if r.Class != policy.Syscalls {
			continue
		}
		if why := unenforcedSyscall(p.Rules[r.Number], host); why != "" {
			out[r.Number] = Coverage{Unenforceable: why}
			continue
		}
		blocked = append(blocked, r.Object.Name)
		out[r.Number] = Coverage{Mechanisms: []Mechanism{BySeccomp}}
		if Multiplexer(r.Object.Name) != "" {
			out[r.Number] = Coverage{Mechanisms: []Mechanism{BySeccomp}, Residuals: []string{"seccomp-multiplexer"}}
		}
	}
	if len(blocked) == 0 {
		return out, nil
	}
	if p.Seccomp == nil {
		p.Seccomp = &Seccomp{}
	}
	slices.Sort(blocked)
	p.Seccomp.Syscalls = slices.Compact(blocked)
	return out, nil
}

// unenforcedSyscall is why no filter enforces the rule, "" if one does.
func unenforcedSyscall(r policy.Rule, host Host) string {
	switch {
	case !r.Enforce:
		return "audit of system calls is not enforced yet, and without the annotation prearm.dev/syscalls: enforce on its policy a rule on system calls only audits"
	case r.Action != policy.Block:
		return "audit of system calls is not enforced yet, and with the action " + string(r.Action) + " a rule on system calls only audits"
	case len(r.Sources) > 0:
		return "fromSource is not enforced yet for system calls: a seccomp filter holds for every process of the container"
	case r.Object.Target != "":
		return "syscalls.matchPaths is not enforced yet: a seccomp filter does not see what a path argument says"
	case !host.Seccomp:
		return "this kernel has no seccomp filters"
	case OnSeccompFloor(r.Object.Name):
		return fmt.Sprintf("runc itself calls %s after the filter is installed, so no container could start; block another call, or use a process, file, network or capabilities rule", r.Object.Name)
	}
	return ""
}

// Multiplexer is the call through which 32-bit programs reach the named one:
// socketcall, ipc, or none ("").
func Multiplexer(name string) string {
	switch name {
	case "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen",
		"recv", "recvfrom", "recvmmsg", "recvmsg", "send", "sendmmsg", "sendmsg", "sendto", "setsockopt",
		"shutdown", "socket", "socketpair":
		return "socketcall"
	case "msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop", "semtimedop",
		"shmat", "shmctl", "shmdt", "shmget":
		return "ipc"
	}
	return ""
}
