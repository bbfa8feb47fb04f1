//go:build integration

package integration

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// Tally counts what containers occupy in the kernel and on the node, by the
// name of the kind of thing.
type Tally map[string]int

// Grown lists the counts that have grown, old and new. Others on the machine
// may have containers too, and end them meanwhile.
func (t Tally) Grown(now Tally) []string {
	var grown []string
	for _, name := range slices.Sorted(maps.Keys(t)) {
		if now[name] > t[name] {
			grown = append(grown, fmt.Sprintf("%s: %d, then %d", name, t[name], now[name]))
		}
	}
	return grown
}

// Count takes a tally of the kernel, of the node's cgroups and of the file
// descriptors of the processes given.
func (n *Node) Count(pids ...string) (Tally, error) {
	t := make(Tally)
	for name, count := range map[string]func() (int, error){
		"AppArmor profiles": func() (int, error) { p, err := Profiles(); return len(p), err },
		"bpf maps":          func() (int, error) { return countIDs(ebpf.MapGetNextID) },
		"bpf programs":      func() (int, error) { return countIDs(ebpf.ProgramGetNextID) },
		"bpf links":         countLinks,
		"mounts":            func() (int, error) { m, err := Mounts(); return len(m), err },
		"cgroups":           func() (int, error) { c, err := n.cgroups("*"); return len(c), err },
	} {
		n, err := count()
		if err != nil {
			return nil, fmt.Errorf("count %s: %w", name, err)
		}
		t[name] = n
	}
	for _, pid := range pids {
		fds, err := os.ReadDir(filepath.Join("/proc", pid, "fd"))
		if err != nil {
			return nil, fmt.Errorf("count file descriptors: %w", err)
		}
		t[fmt.Sprintf("file descriptors of %s", pid)] = len(fds)
	}
	return t, nil
}

func countIDs[ID ~uint32](next func(ID) (ID, error)) (int, error) {
	for n, id := 0, ID(0); ; n++ {
		var err error
		if id, err = next(id); errors.Is(err, fs.ErrNotExist) {
			return n, nil
		} else if err != nil {
			return 0, err
		}
	}
}

func countLinks() (int, error) {
	n := 0
	var it link.Iterator
	defer it.Close()
	for it.Next() {
		n++
	}
	return n, it.Err()
}

// Profiles are the AppArmor profiles of ours that the kernel holds.
func Profiles() ([]string, error) {
	text, err := os.ReadFile("/sys/kernel/security/apparmor/profiles")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a kernel without AppArmor holds none
	}
	if err != nil {
		return nil, fmt.Errorf("list AppArmor profiles: %w", err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "prearm-") {
			names = append(names, strings.TrimSpace(line))
		}
	}
	return names, nil
}

// Mounts are the mount points of our mount namespace.
func Mounts() ([]string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	defer f.Close()
	var points []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		points = append(points, strings.Fields(lines.Text())[4])
	}
	return points, nil
}

// cgroups are the node's control groups of that name, in every hierarchy.
func (n *Node) cgroups(name string) ([]string, error) {
	unified, err := filepath.Glob(filepath.Join("/sys/fs/cgroup", n.Cgroups, name))
	if err != nil {
		return nil, fmt.Errorf("list cgroups: %w", err)
	}
	each, err := filepath.Glob(filepath.Join("/sys/fs/cgroup/*", n.Cgroups, name))
	if err != nil {
		return nil, fmt.Errorf("list cgroups: %w", err)
	}
	var groups []string
	for _, path := range slices.Concat(unified, each) {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			groups = append(groups, path)
		}
	}
	return groups, nil
}

// Files are the files below dir, none if it does not exist.
func Files(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list files: %w", err)
	}
	return files, nil
}

// Shims are the processes of this daemon's shims that serve a namespace.
func (d *Daemon) Shims(namespace string) ([]string, error) {
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var pids []string
	for _, proc := range procs {
		if _, err := strconv.Atoi(proc.Name()); err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join("/proc", proc.Name(), "cmdline"))
		if err != nil {
			continue // ended meanwhile
		}
		args := strings.Split(string(text), "\x00")
		after := func(flag string) string {
			at := slices.Index(args, flag)
			if at < 0 || at+1 == len(args) {
				return ""
			}
			return args[at+1]
		}
		ours := strings.HasPrefix(after("-address"), d.Scratch+"/") && after("-namespace") == namespace
		if name := filepath.Base(args[0]); ours && (name == "prearm-shim" || strings.HasPrefix(name, "containerd-shim")) {
			pids = append(pids, proc.Name())
		}
	}
	return pids, nil
}
