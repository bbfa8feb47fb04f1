package bpf

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// CgroupOf finds the cgroup v2 directory of process pid, on hosts with the
// unified hierarchy and on those that keep version 1 beside it. ErrNoCgroup2:
// there is no such hierarchy, or it cannot be seen from here.
func CgroupOf(pid int) (string, error) {
	path, err := cgroupPath(pid)
	if err != nil {
		return "", err
	}
	// What is mounted at the usual places is tried first, because a busy
	// node's mount table takes milliseconds to read.
	for _, mount := range usualMounts() {
		if dir := filepath.Join(mount, path); isCgroup2(mount) && holds(dir, pid) {
			return dir, nil
		}
	}
	mounts, err := cgroupMounts()
	if err != nil {
		return "", err
	}
	for _, m := range mounts {
		rel, err := filepath.Rel(m.root, path)
		if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
			continue
		}
		if dir := filepath.Join(m.point, rel); holds(dir, pid) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("cgroup %s of process %d: %w where it can be seen; mount one outside any cgroup namespace", path, pid, ErrNoCgroup2)
}

func usualMounts() []string {
	return []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}
}

// cgroupPath is the process's place in the v2 hierarchy, as seen from this
// process's cgroup namespace: "/../x" is outside of it.
func cgroupPath(pid int) (string, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return "", fmt.Errorf("find the cgroup of process %d: %w", pid, err)
	}
	for line := range strings.Lines(string(data)) {
		if path, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::/"); ok {
			// A cgroup's name may end in this, but no process stays in a
			// cgroup that was removed.
			if strings.HasSuffix(path, " (deleted)") {
				return "", fmt.Errorf("find the cgroup of process %d: the process has ended", pid)
			}
			return "/" + path, nil
		}
	}
	return "", fmt.Errorf("process %d: %w", pid, ErrNoCgroup2)
}

// holds says whether pid is a member of the cgroup at dir. It is what makes
// sure that a directory found by name is the cgroup.
func holds(dir string, pid int) bool {
	data, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return false
	}
	want := []byte(strconv.Itoa(pid))
	for line := range bytes.Lines(data) {
		if bytes.Equal(bytes.TrimSpace(line), want) {
			return true
		}
	}
	return false
}

// mount is a mounted part of the v2 hierarchy.
type mount struct {
	root  string // the cgroup at its top, as seen from this cgroup namespace
	point string
}

// cgroupMounts lists the mounts of the v2 hierarchy; ErrNoCgroup2 if none.
func cgroupMounts() ([]mount, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var mounts []mount
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		// 36 35 98:0 /root /point options [optional...] - type source options
		left, right, ok := strings.Cut(lines.Text(), " - ")
		if !ok || !strings.HasPrefix(right, "cgroup2 ") {
			continue
		}
		if fields := strings.Fields(left); len(fields) >= 5 {
			mounts = append(mounts, mount{unescape(fields[3]), unescape(fields[4])})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the mount table: %w", err)
	}
	if len(mounts) == 0 {
		return nil, fmt.Errorf("%w; mount it: mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified", ErrNoCgroup2)
	}
	return mounts, nil
}

// unescape undoes the mount table's octal escapes of space, tab, newline and
// backslash.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

func isCgroup2(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Type == unix.CGROUP2_SUPER_MAGIC
}

// rootCgroup is the id of the root of every hierarchy.
const rootCgroup = 1

// checkOwn fails with ErrCgroup unless cgroup, opened from path, can be a
// container's own: not the root, and this process is not in it or below. It
// returns the cgroup's id, which on 64-bit kernels is its inode number.
func checkOwn(cgroup int, path string) (id uint64, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(cgroup, &st); err != nil {
		return 0, &fs.PathError{Op: "fstat", Path: path, Err: err}
	}
	var fsst unix.Statfs_t
	if err := unix.Fstatfs(cgroup, &fsst); err != nil {
		return 0, &fs.PathError{Op: "fstatfs", Path: path, Err: err}
	}
	if fsst.Type != unix.CGROUP2_SUPER_MAGIC {
		return 0, fmt.Errorf("%s is not in a cgroup v2 hierarchy: %w", path, ErrNoCgroup2)
	}
	if st.Ino == rootCgroup {
		return 0, fmt.Errorf("%s holds the whole node: %w; give the container a cgroup", path, ErrCgroup)
	}
	own, err := CgroupOf(os.Getpid())
	if err != nil {
		return 0, err
	}
	// From here up to the top of the mount; ids are those of the whole
	// hierarchy, whatever mount they are seen through.
	for dir := own; isCgroup2(dir); dir = filepath.Dir(dir) {
		var at unix.Stat_t
		if err := unix.Stat(dir, &at); err != nil {
			return 0, &fs.PathError{Op: "stat", Path: dir, Err: err}
		}
		if at.Ino == st.Ino {
			return 0, fmt.Errorf("%s holds this process too: %w; give the container a cgroup", path, ErrCgroup)
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return st.Ino, nil
}
