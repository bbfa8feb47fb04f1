package bpf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// Version is one version of programs that is pinned on the node.
type Version struct {
	Name    string `json:"name"`
	Guard   bool   `json:"guard"`   // or else of the cgroup programs
	Current bool   `json:"current"` // this release's
	// Programs are those that are pinned: for the cgroup programs ready to be
	// attached, for the guard attached.
	Programs   []string `json:"programs"`
	Containers []string `json:"containers"` // that it has armed
	Rulesets   int      `json:"rulesets"`
}

// Pinned lists the versions under dir, none if there is nothing.
func Pinned(dir string) ([]Version, error) {
	base := filepath.Clean(dir)
	if err := trusted(base); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var all []Version
	for _, own := range []string{version(), guardVersion()} {
		kind := &pins{base, own}
		names, err := kind.versions()
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			v := Version{Name: name, Guard: isGuard(name), Current: name == own}
			one := &pins{base, name}
			if err := one.describe(&v); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			all = append(all, v)
		}
	}
	return all, nil
}

// describe fills in what the version's folder holds.
func (p *pins) describe(v *Version) error {
	rulesets := mapRulesets
	if v.Guard {
		rulesets = mapImages
		entries, err := os.ReadDir(p.pin(programsDir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, e := range entries {
			v.Programs = append(v.Programs, e.Name())
		}
	} else {
		for _, h := range allHooks() {
			if exists(p.pin(h.program)) {
				v.Programs = append(v.Programs, h.program)
			}
		}
	}
	links, err := os.ReadDir(p.pin(linksDir))
	if err != nil {
		return err
	}
	for _, l := range links {
		if id, err := os.Readlink(filepath.Join(p.pin(linksDir), l.Name(), linkID)); err == nil { // or it is going
			v.Containers = append(v.Containers, id)
		}
	}
	m, err := ebpf.LoadPinnedMap(p.pin(rulesets), nil)
	if err != nil {
		return err
	}
	defer m.Close()
	var digest Digest
	value := make([]byte, m.ValueSize())
	entries := m.Iterate()
	for entries.Next(&digest, &value) {
		v.Rulesets++
	}
	return entries.Err()
}

// GuardLacks lists the hooks of the guard that this kernel does not have, as
// the kernel names them.
func GuardLacks() ([]string, error) {
	spec, err := loadGuard()
	if err != nil {
		return nil, err
	}
	return lacking(spec)
}

// lacking lists the security hooks that programs are for and the kernel does
// not have.
func lacking(spec *ebpf.CollectionSpec) ([]string, error) {
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		return nil, fmt.Errorf("the kernel's types: %w", err)
	}
	var names []string
	for _, p := range spec.Programs {
		if p.Type != ebpf.LSM {
			continue
		}
		var hook *btf.Func
		err := kernel.TypeByName("bpf_lsm_"+p.AttachTo, &hook)
		if errors.Is(err, btf.ErrNotFound) {
			names = append(names, p.AttachTo)
		} else if err != nil {
			return nil, err
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// VerifierLog is the end of what the kernel's verifier said of a program that
// it refused, at most so many lines; none if err is of something else.
func VerifierLog(err error, lines int) []string {
	var refused *ebpf.VerifierError
	if !errors.As(err, &refused) {
		return nil
	}
	var log []string
	for _, line := range refused.Log {
		if line = strings.TrimSpace(line); line != "" {
			log = append(log, line)
		}
	}
	return log[max(0, len(log)-lines):]
}
