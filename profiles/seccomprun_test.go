package profiles

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/containerd/containerd/contrib/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/translate"
)

// each runs a test for both ways in which runc installs a filter: before it
// drops capabilities and changes user, or, with no_new_privs, at the very end.
func each(t *testing.T, test func(t *testing.T, b *bundle)) {
	for _, nnp := range []bool{false, true} {
		t.Run(fmt.Sprintf("no_new_privs=%v", nnp), func(t *testing.T) {
			b := newBundle(t)
			b.spec.Process.NoNewPrivileges = nnp
			b.spec.Process.User = specs.User{UID: 1000, GID: 1000, AdditionalGids: []uint32{10}}
			test(t, b)
		})
	}
}

// TestSeccompFloor starts and joins containers under a filter that allows the
// floor and nothing else: what the floor lacks, the runc in use does not need.
func TestSeccompFloor(t *testing.T) {
	each(t, func(t *testing.T, b *bundle) {
		floor := &specs.LinuxSeccomp{
			DefaultAction: specs.ActErrno,
			Architectures: architectures(),
			Syscalls:      []specs.LinuxSyscall{{Names: translate.SeccompFloor(), Action: specs.ActAllow}},
		}
		b.spec.Linux.Seccomp = floor
		if errno := b.try(act{nr: unix.SYS_GETPID}); errno != 0 {
			t.Errorf("getpid, which is on the floor: %v", errno)
		}
		if errno := b.try(act{nr: unix.SYS_GETUID}); errno != unix.EPERM {
			t.Errorf("getuid, which is not: %v", errno)
		}
		floor.Syscalls[0].Names = append(floor.Syscalls[0].Names, "ppoll") // what the sleeper calls
		b.sleep()
		if errno := b.exec(*b.spec.Process, act{nr: unix.SYS_GETPID}); errno != 0 {
			t.Errorf("exec: %v", errno)
		}
		if errno := b.exec(*b.spec.Process, act{nr: unix.SYS_GETUID}); errno != unix.EPERM {
			t.Errorf("exec: getuid: %v", errno)
		}
	})
}

// own are the profiles that containers come with.
func own() map[string]func(*specs.Spec) *specs.LinuxSeccomp {
	return map[string]func(*specs.Spec) *specs.LinuxSeccomp{
		"no profile":           func(*specs.Spec) *specs.LinuxSeccomp { return nil },
		"containerd's profile": seccomp.DefaultProfile,
	}
}

// TestFilterInContainers makes each denied call the first of a container, with
// and without the filter, and of a process that joins it.
func TestFilterInContainers(t *testing.T) {
	const socket32, socketcall32, chown32 = 359, 102, 212
	plan := &translate.Plan{Seccomp: &translate.Seccomp{
		Syscalls: []string{"unlink", "chown", "mount"},
		Families: []int{unix.AF_PACKET, unix.AF_VSOCK},
	}}
	denied := []struct {
		name string
		act
		want unix.Errno
	}{
		{"unlink", act{nr: unix.SYS_UNLINK}, unix.EPERM},
		{"chown", act{nr: unix.SYS_CHOWN}, unix.EPERM},
		{"chown32", act{nr: chown32, i386: true}, unix.EPERM},
		{"io_uring_setup", act{nr: unix.SYS_IO_URING_SETUP}, unix.EPERM},
		{"packet socket", act{nr: unix.SYS_SOCKET, args: [4]uint32{unix.AF_PACKET, unix.SOCK_RAW}}, unix.EACCES},
		{"packet socket, 32-bit", act{nr: socket32, args: [4]uint32{unix.AF_PACKET, unix.SOCK_RAW}, i386: true}, unix.EACCES},
		{"socketcall", act{nr: socketcall32, args: [4]uint32{1}, i386: true}, unix.EACCES},
	}
	untouched := []act{
		{nr: unix.SYS_GETUID},
		{nr: unix.SYS_UNLINKAT},
		{nr: unix.SYS_SOCKET, args: [4]uint32{unix.AF_UNIX, unix.SOCK_STREAM}},
		{nr: unix.SYS_SOCKET, args: [4]uint32{unix.AF_INET, unix.SOCK_STREAM}},
		{nr: unix.SYS_SOCKET, args: [4]uint32{unix.AF_INET6, unix.SOCK_DGRAM}},
		{nr: 20, i386: true}, // getpid
	}
	for name, profile := range own() {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bundle) {
				b.spec.Linux.Seccomp = profile(&b.spec)
				var without []unix.Errno
				for _, d := range denied {
					without = append(without, b.try(d.act))
				}
				var before []unix.Errno
				for _, a := range untouched {
					before = append(before, b.try(a))
				}
				if err := Apply(&b.spec, plan, ""); err != nil {
					t.Fatal(err)
				}
				for i, d := range denied {
					if name == "no profile" && without[i] == d.want {
						t.Errorf("%s: %v without the filter, too", d.name, without[i])
					}
					if got := b.try(d.act); got != d.want && got != unix.EPERM {
						t.Errorf("%s: %v, want %v (%v without the filter)", d.name, got, d.want, without[i])
					}
				}
				for i, a := range untouched {
					if got := b.try(a); got != before[i] {
						t.Errorf("%+v: %v, but %v without the filter", a, got, before[i])
					}
				}
				b.sleep()
				process := *b.spec.Process
				if err := ApplyProcess(&process, plan, ""); err != nil {
					t.Fatal(err)
				}
				if got := b.exec(process, denied[0].act); got != denied[0].want {
					t.Errorf("exec: %v, want %v", got, denied[0].want)
				}
				if got := b.exec(process, untouched[0]); got != before[0] {
					t.Errorf("exec: %+v: %v, but %v without the filter", untouched[0], got, before[0])
				}
			})
		})
	}
}

// TestFamilyInTheUpperHalf: the kernel cuts the family to 32 bits, so a filter
// that compares all 64 of the argument would let it pass.
func TestFamilyInTheUpperHalf(t *testing.T) {
	b := newBundle(t)
	a := act{nr: unix.SYS_SOCKET, args: [4]uint32{unix.AF_UNIX, unix.SOCK_STREAM}, high: true}
	if errno := b.try(a); errno != 0 {
		t.Fatalf("without the filter: %v", errno)
	}
	for name, profile := range own() {
		b.spec.Linux.Seccomp = profile(&b.spec)
		if err := Apply(&b.spec, &translate.Plan{Seccomp: &translate.Seccomp{Families: []int{unix.AF_UNIX}}}, ""); err != nil {
			t.Fatal(err)
		}
		if errno := b.try(a); errno != unix.EACCES && errno != unix.EPERM {
			t.Errorf("%s: %v", name, errno)
		}
	}
}

// TestCapabilitiesInContainers: what the plan drops is in no set, of the first
// process and of one that joins, and neither is anything where the spec is
// silent on capabilities.
func TestCapabilitiesInContainers(t *testing.T) {
	plan := &translate.Plan{Capabilities: &translate.Capabilities{Drop: []string{"CAP_NET_RAW"}}}
	sets := regexp.MustCompile(`(?m)^Cap(Inh|Prm|Eff|Bnd|Amb):\s*([0-9a-f]+)$`)
	const netRaw, chown = 1 << 13, 1 << 0
	read := func(t *testing.T, output string) uint64 {
		all := sets.FindAllStringSubmatch(output, -1)
		if len(all) != 5 {
			t.Fatalf("no capabilities in %q", output)
		}
		var union uint64
		for _, m := range all {
			var v uint64
			if _, err := fmt.Sscanf(m[2], "%x", &v); err != nil {
				t.Fatal(err)
			}
			union |= v
		}
		return union
	}
	status := []string{"busybox", "cat", "/proc/self/status"}
	each(t, func(t *testing.T, b *bundle) {
		_, output := b.run(status...)
		if caps := read(t, output); caps&netRaw == 0 {
			t.Fatalf("without the plan: capabilities %x", caps)
		}
		if err := Apply(&b.spec, plan, ""); err != nil {
			t.Fatal(err)
		}
		_, output = b.run(status...)
		if caps := read(t, output); caps&netRaw != 0 || caps&chown == 0 {
			t.Errorf("capabilities %x", caps)
		}
		b.sleep()
		for _, asked := range []*specs.LinuxCapabilities{nil, {Bounding: []string{"CAP_NET_RAW"}, Effective: []string{"CAP_NET_RAW"}, Permitted: []string{"CAP_NET_RAW"}}} {
			process := *b.spec.Process
			process.Capabilities, process.Args = asked, status
			if err := ApplyProcess(&process, plan, ""); err != nil {
				t.Fatal(err)
			}
			_, output := b.finish(b.runc("exec", "--process", b.writeJSON("process.json", &process), b.id))
			if caps := read(t, output); caps != 0 {
				t.Errorf("exec with %+v: capabilities %x", asked, caps)
			}
		}
	})
	t.Run("a silent spec", func(t *testing.T) {
		b := newBundle(t)
		b.spec.Process.Capabilities = nil
		if err := Apply(&b.spec, plan, ""); err != nil {
			t.Fatal(err)
		}
		_, output := b.run(status...)
		if caps := read(t, output); caps != 0 {
			t.Errorf("capabilities %x", caps)
		}
	})
}
