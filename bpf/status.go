package bpf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cilium/ebpf"
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

// TryGuard loads the guard and lets it go again, so that nothing changes. The
// error is that of loading it.
func TryGuard() error {
	guard, err := loadedGuard()
	if err != nil {
		return err
	}
	guard.Close()
	return nil
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
