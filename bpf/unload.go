package bpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Prune removes the versions of other releases that no container needs any
// more. Those that disarm containers leave them to it, where they are of such
// a release themselves.
func (n *Node) Prune() error {
	unlock, err := n.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return n.prune()
}

// InUse lists the containers that are armed, by any version, and live still:
// their cgroups are there. Their IDs are quoted.
func InUse(dir string) ([]string, error) {
	n, err := OpenPinned(dir)
	if errors.Is(err, ErrNotPinned) || errors.Is(err, ErrNoBPFFS) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return n.live()
}

// Unload removes what is pinned under dir, of every version, and dir itself.
// ErrInUse names the containers that are still armed: those whose cgroup is
// there. Then nothing is removed. With nothing pinned it does nothing.
func Unload(dir string) error {
	n, err := OpenPinned(dir)
	if errors.Is(err, ErrNotPinned) {
		return nil
	}
	if err != nil {
		return err
	}
	unlock, err := n.lock()
	if err != nil {
		return err
	}
	defer unlock()
	armed, err := n.live()
	if err != nil {
		return err
	}
	if len(armed) > 0 {
		return fmt.Errorf("%s: %w", strings.Join(armed, ", "), ErrInUse)
	}
	entries, err := os.ReadDir(n.base)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(n.base, e.Name())); err != nil {
			return err
		}
	}
	return os.Remove(n.base)
}

// live lists the links' folders whose programs are attached still: the kernel
// detaches them when the cgroup goes, and leaves the pins.
func (n *Node) live() ([]string, error) {
	versions, err := n.versions()
	if err != nil {
		return nil, err
	}
	var live []string
	for _, v := range versions {
		links := filepath.Join(n.base, v, linksDir)
		dirs, err := os.ReadDir(links)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, d := range dirs {
			attached, err := attachedTo(filepath.Join(links, d.Name(), allHooks()[0].program))
			if err != nil {
				return nil, err
			}
			if !attached {
				continue
			}
			id, err := os.Readlink(filepath.Join(links, d.Name(), linkID))
			if err != nil {
				return nil, err
			}
			live = append(live, id)
		}
	}
	return live, nil
}

// attachedTo says whether the link pinned there has a cgroup still.
func attachedTo(pin string) (attached bool, err error) {
	err = withPin(pin, func(fd int) error {
		info, err := infoOfLink(fd)
		if err != nil || info.Cgroup == 0 {
			return err
		}
		// The kernel detaches from a cgroup some time after it is removed.
		attached, err = cgroupThere(info.Cgroup)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return attached, err
}

// cgroupThere says whether the cgroup of that id exists: ids are what the
// hierarchy's file handles are made of.
func cgroupThere(id uint64) (bool, error) {
	mounts, err := cgroupMounts()
	if err != nil {
		return false, err
	}
	mount, err := unix.Open(mounts[0].point, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false, &fs.PathError{Op: "open", Path: mounts[0].point, Err: err}
	}
	defer unix.Close(mount)
	const kernfs = 0xfe // FILEID_KERNFS, since Linux 5.5
	handle := unix.NewFileHandle(kernfs, binary.NativeEndian.AppendUint64(nil, id))
	fd, err := unix.OpenByHandleAt(mount, handle, unix.O_PATH|unix.O_CLOEXEC)
	if errors.Is(err, unix.ESTALE) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for cgroup %d: %w", id, err)
	}
	return true, unix.Close(fd)
}
