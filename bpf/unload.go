package bpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Prune removes the versions of other releases that no container needs any
// more. Those that disarm containers leave them to it, where they are of such
// a release themselves.
func (p *pins) Prune() error {
	unlock, err := p.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return p.prune()
}

// InUse lists the containers that are armed, by any version, and live still:
// their cgroups are there. Their IDs are quoted.
func InUse(dir string) ([]string, error) {
	p := &pins{base: filepath.Clean(dir)}
	err := trusted(p.base)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNoBPFFS) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return p.live()
}

// Unload removes what is pinned under dir, of every version, and dir itself.
// ErrInUse names the containers that are still armed: those whose cgroup is
// there. Then nothing is removed. With nothing pinned it does nothing.
func Unload(dir string) error {
	p := &pins{base: filepath.Clean(dir)}
	err := trusted(p.base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	unlock, err := p.lock()
	if err != nil {
		return err
	}
	defer unlock()
	armed, err := p.live()
	if err != nil {
		return err
	}
	if len(armed) > 0 {
		return fmt.Errorf("%s: %w", strings.Join(armed, ", "), ErrInUse)
	}
	entries, err := os.ReadDir(p.base)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(p.base, e.Name())); err != nil {
			return err
		}
	}
	return os.Remove(p.base)
}

// live lists the containers that any version of any kind has links of and whose
// cgroup is there still: the kernel detaches programs when the cgroup goes, and
// leaves the pins.
func (p *pins) live() ([]string, error) {
	folders, err := filepath.Glob(filepath.Join(p.base, "*", linksDir, "*"))
	if err != nil {
		return nil, err
	}
	var live []string
	for _, folder := range folders {
		there, err := attachedTo(filepath.Join(folder, allHooks()[0].program))
		if err != nil {
			return nil, err
		}
		if !there {
			if there, err = guarded(folder); err != nil {
				return nil, err
			}
		}
		if !there {
			continue
		}
		id, err := os.Readlink(filepath.Join(folder, linkID))
		if err != nil {
			return nil, err
		}
		if !slices.Contains(live, id) {
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
