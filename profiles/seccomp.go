package profiles

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/translate"
)

// MergeSeccomp gives the filter that denies what existing denies and what the
// plan asks for: each call meets the stricter of both answers. It fails where
// runc and libseccomp cannot express that filter exactly. No existing filter
// (nil) allows everything. The result shares nothing with existing.
//
// A rule that seccomp enforces also denies io_uring_setup, because a ring
// performs operations that no filter sees.
//
// On 32-bit x86 one call, socketcall, stands for all on sockets, and one, ipc,
// for all of System V IPC; where one of these is denied and the profile allows
// the call that stands for it, the latter is denied altogether.
func MergeSeccomp(existing *specs.LinuxSeccomp, plan translate.Seccomp) (*specs.LinuxSeccomp, error) {
	if len(plan.Syscalls) == 0 && len(plan.Families) == 0 {
		return existing, nil
	}
	f, err := newFilter(existing)
	if err != nil {
		return nil, err
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	blocked := append(slices.Clone(plan.Syscalls), "io_uring_setup")
	slices.Sort(blocked)
	for _, name := range slices.Compact(blocked) {
		if translate.OnSeccompFloor(name) {
			return nil, fmt.Errorf("runc itself needs %s", name)
		}
		for _, twin := range twins(name) {
			if err := f.deny(twin, unix.EPERM); err != nil {
				return nil, err
			}
		}
		if err := f.denyMultiplexer(translate.Multiplexer(name)); err != nil {
			return nil, err
		}
	}
	if len(plan.Families) > 0 {
		for _, name := range []string{"socket", "socketpair"} {
			if err := f.denyFamilies(name, plan.Families); err != nil {
				return nil, err
			}
		}
		if err := f.denySocketcall(); err != nil {
			return nil, err
		}
	}
	return f.spec(), nil
}

// baseSeccomp is the filter of a container that has none: it allows
// everything, on every architecture that the kernel can run.
func baseSeccomp() *specs.LinuxSeccomp {
	return &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Architectures: architectures()}
}

// architectures are those whose programs this kernel may run. One that is left
// out is killed by libseccomp's filter; one that the kernel lacks costs
// nothing.
func architectures() []specs.Arch {
	switch runtime.GOARCH {
	case "amd64":
		return []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32}
	case "arm64":
		return []specs.Arch{specs.ArchAARCH64, specs.ArchARM}
	case "s390x":
		return []specs.Arch{specs.ArchS390X, specs.ArchS390}
	default:
		return nil // the native one alone
	}
}
