package bpf

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
)

// loadedGuard is the guard in the kernel, attached to nothing.
func loadedGuard() (*ebpf.Collection, error) {
	spec, err := guardSpec()
	if err != nil {
		return nil, err
	}
	return ebpf.NewCollection(spec)
}

// guardSpec is the guard for the running kernel, with the addresses of its
// variables. A kernel that lacks one of the hooks, which every one from 6.1 on
// has that is configured for it, would leave a rule unjudged in silence.
func guardSpec() (*ebpf.CollectionSpec, error) {
	spec, err := loadGuard()
	if err != nil {
		return nil, err
	}
	missing, err := missingHooks(spec)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("this kernel lacks security hooks without which rules would not be judged: %s; it needs CONFIG_SECURITY_PATH and CONFIG_SECURITY_NETWORK, and to be Linux 6.1 or later", strings.Join(missing, ", "))
	}
	if err := locate(spec); err != nil {
		return nil, err
	}
	weak := runtime.GOARCH != "amd64"
	if err := spec.Variables["weakly_ordered"].Set(weak); err != nil {
		return nil, err
	}
	return spec, nil
}

// MissingHooks lists the security hooks that the guard has a program for and
// the running kernel does not have, sorted. If there are any, the guard is not
// loaded.
func MissingHooks() ([]string, error) {
	spec, err := loadGuard()
	if err != nil {
		return nil, err
	}
	return missingHooks(spec)
}

func missingHooks(spec *ebpf.CollectionSpec) ([]string, error) {
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		return nil, fmt.Errorf("read the kernel's types, which need CONFIG_DEBUG_INFO_BTF: %w", err)
	}
	var missing []string
	for _, program := range spec.Programs {
		if program.Type != ebpf.LSM {
			continue
		}
		var hook *btf.Func
		err := kernel.TypeByName("bpf_lsm_"+program.AttachTo, &hook)
		if errors.Is(err, btf.ErrNotFound) {
			missing = append(missing, program.AttachTo)
		} else if err != nil {
			return nil, fmt.Errorf("hook %s: %w", program.AttachTo, err)
		}
	}
	slices.Sort(missing)
	return missing, nil
}

// symbols are the variables of the kernel that programs look at, by the name
// that they have in either. A kernel that lacks an optional one has no use
// for it.
var symbols = [...]struct {
	name     string
	optional bool
}{
	{name: "rename_lock"},
	{name: "mount_lock"},
	{name: "nop_mnt_idmap", optional: true}, // since Linux 6.2
}

// locate sets the addresses of symbols.
func locate(spec *ebpf.CollectionSpec) error {
	const table = "/proc/kallsyms"
	f, err := os.Open(table)
	if err != nil {
		return err
	}
	defer f.Close()
	found := map[string]uint64{}
	for _, s := range symbols {
		found[s.name] = 0
	}
	for lines := bufio.NewScanner(f); ; {
		if !lines.Scan() {
			if err := lines.Err(); err != nil {
				return fmt.Errorf("read %s: %w", table, err)
			}
			break
		}
		// ffffffff82a09600 D rename_lock; those of modules have a fourth word.
		address, rest, _ := strings.Cut(lines.Text(), " ")
		_, name, _ := strings.Cut(rest, " ")
		if _, ok := found[name]; !ok {
			continue
		}
		if found[name], err = strconv.ParseUint(address, 16, 64); err != nil {
			return fmt.Errorf("%s: %s: %w", table, name, err)
		}
	}
	for _, s := range symbols {
		if found[s.name] == 0 && !s.optional {
			return fmt.Errorf("%s does not tell the address of %s: the kernel needs CONFIG_KALLSYMS_ALL, and sysctl kernel.kptr_restrict must be less than 2", table, s.name)
		}
		if err := spec.Variables[s.name].Set(found[s.name]); err != nil {
			return fmt.Errorf("set %s: %w", s.name, err)
		}
	}
	return nil
}

// pinGuard pins the guard's maps in dir by their names, and the attachments of
// its programs in dir's folder of programs. Both are there and empty. If it
// fails, nothing is attached once dir is gone.
func pinGuard(dir string, guard *ebpf.Collection) error {
	for name, m := range guard.Maps {
		if strings.HasPrefix(name, ".") {
			continue // variables, which nobody else needs
		}
		if err := m.Pin(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("pin %s: %w", name, err)
		}
	}
	for name, program := range guard.Programs {
		if program.Type() != ebpf.LSM {
			continue
		}
		l, err := link.AttachLSM(link.LSMOptions{Program: program})
		if err != nil {
			return fmt.Errorf("attach %s: %w", name, err)
		}
		err = l.Pin(filepath.Join(dir, programsDir, name))
		if err := errors.Join(err, l.Close()); err != nil {
			return fmt.Errorf("pin %s: %w", name, err)
		}
	}
	return nil
}
