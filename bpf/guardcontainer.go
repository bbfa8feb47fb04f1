package bpf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Container is what the guard must know of one.
type Container struct {
	Cgroup    string // its cgroup v2 directory
	RootMount uint32 // id of the mount that is its root
	UserNS    uint32 // inode number of its user namespace
	// AdmitFirst lets the runtime execute what an allow-list leaves out.
	AdmitFirst bool
	Ruleset    Digest // of an image
}

// Arm puts the container of key under the guard. Its image must have been put
// into this version before (ErrNoRuleset; put it again then: the last container
// that used it may have gone meanwhile). From the return on, what is executed
// inside the container's root by a task in its cgroup is judged, and so is
// everything that comes of it, until Disarm.
//
// ErrAttached: key, or the cgroup, is armed already. ErrCgroup: the cgroup also
// holds this process or the whole node, or is nested deeper than the guard looks.
func (g *Guard) Arm(key string, c Container) error {
	if err := g.arm(key, c); err != nil {
		return fmt.Errorf("guard container %.80q: %w", key, err)
	}
	return nil
}

func (g *Guard) arm(key string, c Container) (err error) {
	if err := checkID(key); err != nil {
		return err
	}
	if c.RootMount == 0 || c.UserNS == 0 {
		return errors.New("its root mount and its user namespace must be known")
	}
	cgroup, err := unix.Open(c.Cgroup, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open cgroup", Path: c.Cgroup, Err: err}
	}
	defer unix.Close(cgroup)
	id, err := checkOwn(cgroup, c.Cgroup)
	if err != nil {
		return err
	}
	if levels := strings.Count(filepath.Clean(c.Cgroup), "/"); levels > cgroupLevels {
		return fmt.Errorf("its cgroup %s is %d levels deep, of which the guard looks at %d: %w; nest it less", c.Cgroup, levels, cgroupLevels, ErrCgroup)
	}
	unlock, err := g.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := g.mustHave(c.Ruleset); err != nil {
		return err
	}
	err = withPin(g.pin(mapGuardeds), func(m int) error {
		var other guardGuarded
		return lookup(m, &id, &other)
	})
	if err == nil {
		return fmt.Errorf("its cgroup %s is that of another container: %w", c.Cgroup, ErrAttached)
	}
	if !errors.Is(err, unix.ENOENT) {
		return err
	}
	dir := g.linkDir(g.version, key)
	if err := os.Mkdir(dir, 0o700); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w; disarm it first", ErrAttached)
	} else if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	record := guardGuarded{
		Ruleset:   guardDigest{Bytes: c.Ruleset},
		RootMount: c.RootMount,
		UserNs:    c.UserNS,
	}
	if c.AdmitFirst {
		record.Flags |= admitFirst
	}
	if record.Generation, err = after(0); err != nil {
		return err
	}
	// The record comes last: whoever finds it in the map finds the links.
	if err := os.Symlink(strconv.QuoteToASCII(key), filepath.Join(dir, linkID)); err != nil {
		return err
	}
	if err := os.Symlink(hexOf(c.Ruleset), filepath.Join(dir, linkRuleset)); err != nil {
		return err
	}
	if err := os.Symlink(strconv.FormatUint(id, 10), filepath.Join(dir, linkCgroup)); err != nil {
		return err
	}
	return withPin(g.pin(mapGuardeds), func(m int) error { return update(m, &id, &record, ebpf.UpdateNoExist) })
}

// cgroupLevels is CGROUP_LEVELS of guard/identity.h. The levels of a mount's
// point count as well, so that no more are seen than there are.
const cgroupLevels = 32

// admitFirst is GUARDED_ADMIT_FIRST.
const admitFirst = 1

// Swap gives the container of key another image, which must have been put into
// this version before (ErrNoRuleset). Each access is judged by the old one or
// by the new one. ErrNotArmed: there is no such container, or one that another
// version has armed.
func (g *Guard) Swap(key string, digest Digest) error {
	if err := g.swap(key, digest); err != nil {
		return fmt.Errorf("change the rules of container %.80q: %w", key, err)
	}
	return nil
}

func (g *Guard) swap(key string, digest Digest) error {
	unlock, err := g.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := g.mustHave(digest); err != nil {
		return err
	}
	dir := g.linkDir(g.version, key)
	id, err := cgroupIn(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotArmed
	}
	if err != nil {
		return err
	}
	// Two links until the record is written: neither image can be dropped.
	next := filepath.Join(dir, linkNext)
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a Swap that was interrupted
		return err
	}
	if err := os.Symlink(hexOf(digest), next); err != nil {
		return err
	}
	err = withPin(g.pin(mapGuardeds), func(m int) error {
		var record guardGuarded
		if err := lookup(m, &id, &record); err != nil {
			return err
		}
		record.Ruleset.Bytes = digest
		if record.Generation, err = after(record.Generation); err != nil {
			return err
		}
		return update(m, &id, &record, ebpf.UpdateExist)
	})
	if errors.Is(err, unix.ENOENT) {
		err = ErrNotArmed // an Arm was interrupted
	}
	if err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return os.Rename(next, filepath.Join(dir, linkRuleset))
}

// Disarm takes the container of key from under the guard, whatever version
// armed it. Without such a container it does nothing. Tasks that have outlived
// it may do nothing any more that rules are about. Its image stays: see
// DropImage.
func (g *Guard) Disarm(key string) error {
	if err := g.disarm(key); err != nil {
		return fmt.Errorf("disarm container %.80q: %w", key, err)
	}
	return nil
}

func (g *Guard) disarm(key string) error {
	unlock, err := g.lock()
	if err != nil {
		return err
	}
	defer unlock()
	versions, err := g.versions()
	if err != nil {
		return err
	}
	foreign := false
	for _, v := range versions {
		dir := g.linkDir(v, key)
		id, err := cgroupIn(dir)
		if err == nil {
			err = withPin(filepath.Join(g.base, v, mapGuardeds), func(m int) error { return remove(m, &id) })
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if !exists(dir) {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		foreign = foreign || v != g.version
	}
	if foreign {
		return g.prune()
	}
	return nil
}

// Containers lists the keys of the containers that are armed, by any version.
func (g *Guard) Containers() ([]string, error) { return g.ids() }

// Guarded fails with ErrNotArmed if no version of the guard under dir has the
// container of key, or if the programs of the one that does were unpinned: then
// nothing holds it.
func Guarded(dir, key string) error {
	g := &pins{base: filepath.Clean(dir), version: guardPrefix}
	if err := g.pinned(); err != nil {
		return err
	}
	versions, err := g.versions()
	if err != nil {
		return err
	}
	for _, v := range versions {
		if !exists(filepath.Join(g.linkDir(v, key), linkCgroup)) {
			continue
		}
		programs, err := os.ReadDir(filepath.Join(g.base, v, programsDir))
		if err != nil || len(programs) > 0 {
			return err
		}
	}
	return fmt.Errorf("%w any more: its pins were removed", ErrNotArmed)
}

// guarded says whether the links' folder is of a container of the guard whose
// cgroup is there still.
func guarded(dir string) (bool, error) {
	id, err := cgroupIn(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return cgroupThere(id)
}

// cgroupIn is the cgroup of the container that the links' folder is of.
func cgroupIn(dir string) (uint64, error) {
	text, err := os.Readlink(filepath.Join(dir, linkCgroup))
	if err != nil {
		return 0, err
	}
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: not the number of a cgroup: %w", dir, err)
	}
	return id, nil
}

func (g *Guard) mustHave(digest Digest) error {
	has, err := g.HasImage(digest)
	if err == nil && !has {
		err = fmt.Errorf("%x: %w", digest, ErrNoRuleset)
	}
	return err
}

// after is a generation that no ruleset of this node has had: the nanoseconds
// since boot. The lock is held.
func after(last uint64) (uint64, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0, fmt.Errorf("clock: %w", err)
	}
	return max(uint64(now.Nano()), last+1), nil
}
