package profiles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prearm/prearm/translate"
)

// securityfs is where the kernel takes and shows AppArmor profiles.
const securityfs = "/sys/kernel/security/apparmor"

// Runner runs a program to its end, within a time of its own. The error
// carries what the program wrote to stderr.
type Runner interface {
	Run(*exec.Cmd) error
}

// AppArmor is the node's AppArmor: the profiles in the kernel, and the cache
// of compiled ones. It counts no users; package hooks does.
type AppArmor struct {
	kernel string // securityfs
	cache  cache
}

// OpenAppArmor opens the kernel's interface. Compiled profiles are kept in
// the folder apparmor below dir.
func OpenAppArmor(dir string) (*AppArmor, error) {
	if _, err := os.Stat(filepath.Join(securityfs, ".replace")); err != nil {
		return nil, fmt.Errorf("AppArmor: %w (it is not enabled in this kernel, or securityfs is not mounted: mount -t securityfs none /sys/kernel/security)", err)
	}
	return &AppArmor{securityfs, cache(filepath.Join(dir, "apparmor"))}, nil
}

// Load brings the profile and its children into the kernel, unless they are
// there: its name is a digest of what they say. They are compiled once for a
// node and parser.
func (a *AppArmor) Load(ctx context.Context, run Runner, p translate.AppArmor) error {
	loaded, err := a.Loaded(p.Profiles()...)
	if err != nil || loaded {
		return err
	}
	binary, err := a.compiled(ctx, run, p)
	if err != nil {
		return fmt.Errorf("AppArmor profile %s: %w", p.Name, err)
	}
	if err := write(filepath.Join(a.kernel, ".replace"), binary); err != nil {
		return fmt.Errorf("AppArmor profile %s: the kernel refuses it: %w", p.Name, err)
	}
	return nil
}

// compiled is the kernel's form of the profile, from the cache if it is there
// unharmed.
func (a *AppArmor) compiled(ctx context.Context, run Runner, p translate.AppArmor) ([]byte, error) {
	parser, err := findParser()
	if err != nil {
		return nil, err
	}
	key := parser.key(p)
	if binary, err := a.cache.get(key); err == nil {
		return binary, nil
	}
	features, err := a.cache.features()
	if err != nil {
		return nil, err
	}
	binary, err := parser.compile(ctx, run, features, p.Text)
	if err != nil {
		return nil, err
	}
	return binary, a.cache.put(key, binary)
}

// Remove takes the profile and its children out of the kernel; one that is not there is no
// error.
func (a *AppArmor) Remove(name string) error {
	err := write(filepath.Join(a.kernel, ".remove"), []byte(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("AppArmor: removing profile %s: %w", name, err)
	}
	return nil
}

// Loaded says whether profiles of these names are in the kernel and enforced.
func (a *AppArmor) Loaded(names ...string) (bool, error) {
	all, err := a.list()
	missing := slices.ContainsFunc(names, func(name string) bool { return all[name] != "enforce" })
	return !missing, err
}

// List gives the names of the profiles in the kernel that prearm made, sorted.
func (a *AppArmor) List() ([]string, error) {
	all, err := a.list()
	var ours []string
	for name := range all {
		if strings.HasPrefix(name, "prearm-") {
			ours = append(ours, name)
		}
	}
	slices.Sort(ours)
	return ours, err
}

// list reads the kernel's profiles: name and mode, "name (enforce)".
func (a *AppArmor) list() (map[string]string, error) {
	data, err := os.ReadFile(filepath.Join(a.kernel, "profiles"))
	if err != nil {
		return nil, fmt.Errorf("AppArmor: %w", err)
	}
	all := make(map[string]string)
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(strings.TrimSpace(line), ")")
		if i := strings.LastIndex(line, " ("); i >= 0 {
			all[line[:i]] = line[i+2:]
		}
	}
	return all, nil
}

// write gives data to a file of securityfs in the one write that it takes.
func write(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
