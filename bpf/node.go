package bpf

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultDir is where the node's programs and maps are pinned.
const DefaultDir = "/sys/fs/bpf/prearm"

// Node is the set of programs and maps pinned under one directory. It holds
// no descriptors, for every method opens what it needs, and may be used by
// several goroutines.
type Node struct{ pins }

// pins is the folder of one version of programs and maps.
type pins struct {
	base    string // shared by all versions
	version string // begins with guardPrefix if it is the guard's
}

// Supported says whether dir can hold a node's pins and containers can be
// armed: an ErrNoBPFFS, ErrNoCgroup2 or ErrUntrusted says what is missing. It
// loads nothing.
func Supported(dir string) error {
	if err := checkBPFFS(dir); err != nil {
		return err
	}
	_, err := cgroupMounts()
	return err
}

// OpenPinned opens what is pinned under dir and loads nothing, which takes a
// few system calls. It fails with ErrNotPinned if no version of the programs
// is there. With programs of other versions only, containers can be disarmed
// and listed, but not armed.
func OpenPinned(dir string) (*Node, error) {
	n := &Node{pins{filepath.Clean(dir), version()}}
	if err := n.pinned(); err != nil {
		return nil, err
	}
	return n, nil
}

// Open opens the node's set, and loads and pins it first if need be.
func Open(dir string) (*Node, error) {
	n := &Node{pins{filepath.Clean(dir), version()}}
	err := n.establish(func() error {
		if err := n.load(); err != nil {
			return fmt.Errorf("load the cgroup programs: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return n, nil
}

// Close ends the use of n. What is pinned stays.
func (n *Node) Close() error { return nil }

// version names the programs of this build.
func version() string {
	sum := sha256.Sum256(_PrearmBytes)
	return hex.EncodeToString(sum[:8])
}

// pinned fails with ErrNotPinned unless there is a version of this kind.
func (p *pins) pinned() error {
	err := trusted(p.base)
	if err == nil && !exists(p.dir()) {
		var versions []string
		if versions, err = p.versions(); err == nil && len(versions) == 0 {
			err = fs.ErrNotExist
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", p.base, ErrNotPinned)
	}
	return err
}

// prepare makes the folder of pins if need be.
func (p *pins) prepare() error {
	err := trusted(p.base)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := checkBPFFS(p.base); err != nil {
		return err
	}
	if err := os.Mkdir(p.base, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create the folder for pins: %w", err)
	}
	return trusted(p.base)
}

// establish makes sure that this version is there. If it is not, load makes
// it, under the lock.
func (p *pins) establish(load func() error) error {
	if err := p.prepare(); err != nil {
		return err
	}
	if exists(p.dir()) {
		return nil
	}
	unlock, err := p.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if exists(p.dir()) {
		return nil // another process was faster
	}
	return load()
}

func (p *pins) dir() string { return filepath.Join(p.base, p.version) }

func (p *pins) pin(name string) string { return filepath.Join(p.base, p.version, name) }

func exists(path string) bool {
	var st unix.Stat_t
	return unix.Lstat(path, &st) == nil
}

// checkBPFFS fails unless dir's parent is in a bpffs.
func checkBPFFS(dir string) error {
	parent := filepath.Dir(filepath.Clean(dir))
	var st unix.Statfs_t
	if err := unix.Statfs(parent, &st); err != nil {
		return fmt.Errorf("%s: %w (%w); mount one: mount -t bpf bpf /sys/fs/bpf", parent, ErrNoBPFFS, err)
	}
	if st.Type != unix.BPF_FS_MAGIC {
		return fmt.Errorf("%s: %w; mount one: mount -t bpf bpf %s", parent, ErrNoBPFFS, parent)
	}
	return nil
}

// trusted fails unless path is a directory of a bpffs that only the effective
// user can change: a bpffs is often world-writable, and pins made by others
// must not decide for us.
func trusted(path string) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || int(st.Uid) != os.Geteuid() || st.Mode&0o022 != 0 {
		return fmt.Errorf("%s: %w; remove it", path, ErrUntrusted)
	}
	var fsst unix.Statfs_t
	if err := unix.Statfs(path, &fsst); err != nil {
		return &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	if fsst.Type != unix.BPF_FS_MAGIC {
		return fmt.Errorf("%s: %w; mount one: mount -t bpf bpf %s", path, ErrNoBPFFS, filepath.Dir(path))
	}
	return nil
}

// lockPatience bounds the wait for another process. Each holds the lock for
// about a millisecond, or 20 when it loads the programs; hundreds may wait.
const lockPatience = 30 * time.Second

// lock takes the exclusive lock on the node's directory. A process that dies
// gives it back.
func (p *pins) lock() (unlock func(), err error) { return lockFolder(p.base, lockPatience) }

// lockFolder takes the exclusive lock on a folder, with some patience.
func lockFolder(path string, patience time.Duration) (unlock func(), err error) {
	d, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
	}
	unlock = func() { _ = unix.Close(d) }
	if unix.Flock(d, unix.LOCK_EX|unix.LOCK_NB) == nil {
		return unlock, nil
	}
	done := make(chan struct{})
	var failed error // once done
	go func() {
		failed = flock(d)
		close(done)
	}()
	select {
	case <-done:
		if failed != nil {
			unlock()
			return nil, fmt.Errorf("lock %s: %w", path, failed)
		}
		return unlock, nil
	case <-time.After(patience):
		go func() { <-done; unlock() }()
		return nil, fmt.Errorf("lock %s: %w for %v; find it with fuser %s", path, ErrBusy, patience, path)
	}
}

// flock waits for the lock.
func flock(fd int) error {
	for {
		if err := unix.Flock(fd, unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
