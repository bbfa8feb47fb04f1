package profiles

import (
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/prearm/prearm/translate"
)

// abi is one of the ways in which programs call an x86 kernel.
type abi struct {
	arch  libseccomp.ScmpArch
	audit uint32
}

func abis() []abi {
	return []abi{
		{libseccomp.ArchAMD64, unix.AUDIT_ARCH_X86_64},
		{libseccomp.ArchX32, unix.AUDIT_ARCH_X86_64},
		{libseccomp.ArchX86, unix.AUDIT_ARCH_I386},
	}
}

// mentioned are the calls that generated profiles and plans speak of; the
// last ones are never denied by a plan.
func mentioned() []string {
	return []string{
		"socket", "socketpair", "connect", "bind", "shmget", "semop", "unlink", "chown", "personality",
		"io_uring_setup", "mount", "umount2", "socketcall", "ipc", "chown32", "getuid",
	}
}

// narrowValues are what generated conditions compare with; values, what calls
// have for arguments.
func narrowValues() []uint64 {
	return []uint64{0, 1, 2, 3, 9, 16, 17, 18, 23, 38, 40, 63, 64, 0xffffffff}
}

func values() []uint64 {
	return append(narrowValues(), 1<<32|17, 1<<32|40, 1<<63|2)
}

// TestMergedFilterIsTheStricterOfBoth compares, call by call, the merged
// filter with the container's own, both compiled by libseccomp: where the plan
// denies, a denial; everywhere else the answer that was. Only these may be
// stricter: families beyond those there are, and calls through a multiplexer.
func TestMergedFilterIsTheStricterOfBoth(t *testing.T) {
	merges := 0
	rapid.Check(t, func(t *rapid.T) {
		existing := drawProfile(t)
		before, err := compile(existing)
		if err != nil {
			t.Skip("libseccomp refuses the container's own profile")
		}
		if miscompiled(t, existing, before) {
			t.Skip("libseccomp compiles the container's own profile wrongly")
		}
		plan := drawPlan(t)
		if len(plan.Syscalls)+len(plan.Families) == 0 {
			t.Skip("nothing to merge")
		}
		merged, err := MergeSeccomp(existing, plan)
		if err != nil {
			return // refused, which is always safe
		}
		merges++
		after, err := compile(merged)
		if err != nil {
			t.Fatalf("libseccomp refuses the merged profile: %v", err)
		}
		for _, c := range sampleCalls() {
			compare(t, c, plan, before.run(t, c), after.run(t, c))
		}
	})
	if merges == 0 {
		t.Error("no profile could be merged with any plan")
	}
}

// sampleCalls are calls of everything mentioned, in every ABI.
func sampleCalls() []call {
	var calls []call
	for _, name := range mentioned() {
		for _, abi := range abis() {
			nr, err := libseccomp.GetSyscallFromNameByArch(name, abi.arch)
			if err != nil || nr < 0 {
				continue
			}
			for _, a0 := range values() {
				for _, a1 := range []uint64{0, 1, 9} {
					calls = append(calls, call{name, abi.audit, uint32(nr), [6]uint64{a0, a1, a1}})
				}
			}
		}
	}
	return calls
}

// miscompiled says whether a program contradicts its profile. libseccomp 2.5.4
// gets some alternatives for one call wrong; what it makes of them is nothing
// to compare with.
func miscompiled(t *rapid.T, s *specs.LinuxSeccomp, p *program) bool {
	for _, c := range sampleCalls() {
		if c.arch != unix.AUDIT_ARCH_X86_64 || c.nr >= 1<<30 {
			continue // the other ABIs have multiplexers, or narrower arguments
		}
		var matching []entry
		for _, rule := range s.Syscalls {
			entries, err := split(rule)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if e.name == c.name && meets(e, c) {
					matching = append(matching, e)
				}
			}
		}
		want, err := strictness(s.DefaultAction)
		if err != nil {
			t.Fatal(err)
		}
		if len(matching) > 0 {
			want = matching[0].rank
		}
		if !slices.ContainsFunc(matching, func(e entry) bool { return e.rank != want }) && p.run(t, c).rank != want {
			return true
		}
	}
	return false
}

func meets(e entry, c call) bool {
	for _, arg := range e.args {
		if ok, err := holds(arg, c.args[arg.Index]); err != nil || !ok {
			return false
		}
	}
	return true
}

func compare(t *rapid.T, c call, plan translate.Seccomp, before, after answer) {
	name := c.name
	denied, errno := demanded(name, c.args[0], c.args[1], plan)
	say := func(what string) {
		t.Fatalf("%+v: %s: before %v, after %v, denied by plan %v", c, what, before, after, denied)
	}
	if after.rank < before.rank {
		say("loosened")
	}
	if denied && after.rank < denial {
		say("not denied")
	}
	if denied && before.rank < denial && after != (answer{denial, errno}) && c.args[0] < families && name != "socketcall" {
		say("denied otherwise than by its errno")
	}
	if !denied && after != before && !mayBeStricter(name, c.args[0], plan) {
		say("changed")
	}
}

// demanded says whether the plan denies the call, and with what.
func demanded(name string, a0, a1 uint64, plan translate.Seccomp) (bool, uint16) {
	for _, blocked := range append([]string{"io_uring_setup"}, plan.Syscalls...) {
		if slices.Contains(twins(blocked), name) {
			return true, uint16(unix.EPERM)
		}
	}
	if (name == "socket" || name == "socketpair") && slices.Contains(plan.Families, int(uint32(a0))) {
		return true, uint16(unix.EACCES)
	}
	// The kernel makes a packet socket of this one.
	old := uint32(a0) == unix.AF_INET && a1&0xf == unix.SOCK_PACKET && slices.Contains(plan.Families, unix.AF_PACKET)
	if (name == "socket" || name == "socketpair") && old {
		return true, uint16(unix.EACCES)
	}
	if name == "socketcall" && len(plan.Families) > 0 && (a0 == 1 || a0 == 8) {
		return true, uint16(unix.EACCES)
	}
	return false, 0
}

func mayBeStricter(name string, a0 uint64, plan translate.Seccomp) bool {
	switch name {
	case "socket", "socketpair":
		return len(plan.Families) > 0 && a0 >= families
	case "socketcall", "ipc":
		return len(plan.Families) > 0 || slices.ContainsFunc(plan.Syscalls, func(s string) bool {
			return translate.Multiplexer(s) == name
		})
	}
	return false
}

func drawProfile(t *rapid.T) *specs.LinuxSeccomp {
	s := &specs.LinuxSeccomp{
		DefaultAction: rapid.SampledFrom([]specs.LinuxSeccompAction{
			specs.ActAllow, specs.ActErrno, specs.ActErrno, specs.ActLog, specs.ActKill, specs.ActTrap, specs.ActKillProcess,
		}).Draw(t, "default"),
		DefaultErrnoRet: rapid.SampledFrom([]*uint{nil, errnoRet(unix.EACCES), errnoRet(unix.ENOSYS)}).Draw(t, "default errno"),
		Architectures: rapid.SampledFrom([][]specs.Arch{
			{specs.ArchX86_64, specs.ArchX86, specs.ArchX32}, {specs.ArchX86_64}, nil,
		}).Draw(t, "architectures"),
	}
	for range rapid.IntRange(0, 6).Draw(t, "rules") {
		s.Syscalls = append(s.Syscalls, drawRule(t))
	}
	// Without a rule that has no conditions, libseccomp 2.5.4 compiles some
	// profiles wrongly. A container needs execve, so no real one lacks it.
	rule := specs.LinuxSyscall{Names: []string{"execve"}, Action: specs.ActAllow}
	if rank, err := strictness(s.DefaultAction); err == nil && rank < denial {
		rule = specs.LinuxSyscall{Names: []string{"reboot"}, Action: specs.ActErrno}
	}
	s.Syscalls = append(s.Syscalls, rule)
	return s
}

func drawRule(t *rapid.T) specs.LinuxSyscall {
	rule := specs.LinuxSyscall{
		Names: rapid.SliceOfNDistinct(rapid.SampledFrom(mentioned()), 1, 3, rapid.ID[string]).Draw(t, "names"),
		Action: rapid.SampledFrom([]specs.LinuxSeccompAction{
			specs.ActAllow, specs.ActAllow, specs.ActAllow, specs.ActErrno, specs.ActLog, specs.ActTrace, specs.ActKillProcess,
		}).Draw(t, "action"),
		ErrnoRet: rapid.SampledFrom([]*uint{nil, errnoRet(unix.EINVAL)}).Draw(t, "errno"),
	}
	for range rapid.SampledFrom([]int{0, 0, 1, 1, 1, 2}).Draw(t, "conditions") {
		rule.Args = append(rule.Args, specs.LinuxSeccompArg{
			Index: rapid.SampledFrom([]uint{0, 0, 0, 1, 2}).Draw(t, "argument"),
			Op: rapid.SampledFrom([]specs.LinuxSeccompOperator{
				specs.OpEqualTo, specs.OpEqualTo, specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual,
				specs.OpGreaterEqual, specs.OpGreaterThan, specs.OpMaskedEqual,
			}).Draw(t, "operator"),
			// libseccomp 2.5.4 compiles some alternatives of wider ones wrongly.
			Value:    rapid.SampledFrom(narrowValues()).Draw(t, "value"),
			ValueTwo: rapid.SampledFrom(narrowValues()).Draw(t, "second value"),
		})
	}
	return rule
}

func drawPlan(t *rapid.T) translate.Seccomp {
	return translate.Seccomp{
		Syscalls: rapid.SliceOfDistinct(rapid.SampledFrom([]string{
			"unlink", "chown", "personality", "mount", "umount2", "connect", "shmget", "socket",
		}), rapid.ID[string]).Draw(t, "syscalls"),
		Families: rapid.SliceOfDistinct(rapid.SampledFrom([]int{2, 16, 17, 23, 40}), rapid.ID[int]).Draw(t, "families"),
	}
}
