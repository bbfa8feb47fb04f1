// Package rootfs answers what a path means inside a container that is not
// running yet: its root file system is mounted on the host, its volumes are
// mounts that the runtime has still to make.
//
// Paths are walked one component at a time, from descriptors that were opened
// without following links. The host never follows a symbolic link of the
// image: a link is read, and walked from the container's root. So nothing
// outside the root and the mounts' sources is ever read, whatever the image
// holds and whoever changes it meanwhile.
package rootfs

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Root is a container's file systems: the root file system and, in front of
// it, the mounts. It remembers what it has seen of directories and links;
// make a new Root to look again. Its methods may be called concurrently.
type Root struct {
	mu      sync.Mutex
	mounts  map[string]*mount // by canonical destination; the root file system is at "/"
	implied map[string]bool   // directories that the runtime will make for mounts to be on
	nodes   map[string]node   // by canonical path, bounded by maxRemembered
	size    int               // what nodes holds, in bytes
	dirs    map[string]int    // O_PATH descriptors by canonical path, bounded by maxDescriptors
}

// mount is a file or directory tree that stands at a place in the container.
type mount struct {
	fd   int  // O_PATH; -1 if its contents are not known before the start
	flat bool // a bind that leaves out what is mounted below its source
	node node
	// links are those directly in an opaque mount that are known all the
	// same; one that is another for each process is perProcess.
	links map[string]string
}

// Bounds of what a Root keeps, against policies and images that are made to
// use it up.
const (
	maxDescriptors = 128
	maxRemembered  = 8 << 20 // bytes
)

// New opens the file systems of a container: dir is its root file system on
// the host, mounts are as in its OCI configuration. A bind mount shows its
// source, which must be an absolute path of the host. What another mount
// holds (tmpfs, proc, sysfs, devpts, mqueue, cgroup) is not known yet: paths
// below it are taken as they are written, but for the links that runc makes
// in /dev and the kernel in /proc.
//
// Destinations are resolved inside the root one after the other, as the
// runtime does: through links of the image, and on top of earlier mounts,
// which a later one hides. With no mounts, dir is taken as it is, with
// whatever is mounted there.
func New(dir string, mounts []specs.Mount) (*Root, error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("root file system %s: %w", dir, err)
	}
	r := &Root{
		mounts:  map[string]*mount{"/": {fd: fd, node: node{kind: directory}}},
		implied: make(map[string]bool),
		nodes:   make(map[string]node),
		dirs:    make(map[string]int),
	}
	if err := r.identify(r.mounts["/"]); err != nil {
		return nil, errors.Join(fmt.Errorf("root file system %s: %w", dir, err), r.Close())
	}
	for _, m := range mounts {
		if err := r.add(m); err != nil {
			return nil, errors.Join(fmt.Errorf("mount %q: %w", m.Destination, err), r.Close())
		}
	}
	return r, nil
}

// add puts a mount in front of what is there.
func (r *Root) add(m specs.Mount) error {
	at, err := r.walk("/"+m.Destination, true)
	if err != nil {
		return err
	}
	if at.path == "/" {
		return errors.New("a mount over the whole root file system is not supported; use another root file system")
	}
	added := &mount{fd: -1, node: node{kind: opaque, opaque: at.path}, links: linksOf(at.path, m.Type)}
	if isBind(m) {
		if added, err = r.bind(m); err != nil {
			return err
		}
	}
	err = r.forget()
	for old, hidden := range r.mounts {
		if old == at.path || strings.HasPrefix(old, at.path+"/") {
			delete(r.mounts, old)
			err = errors.Join(err, hidden.close())
		}
	}
	for dir := range r.implied {
		if strings.HasPrefix(dir, at.path+"/") {
			delete(r.implied, dir)
		}
	}
	for dir := parentOf(at.path); dir != "/"; dir = parentOf(dir) {
		r.implied[dir] = true
	}
	r.mounts[at.path] = added
	return err
}

func isBind(m specs.Mount) bool {
	return m.Type == "bind" || slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
}

// perProcess stands for the target of a link that depends on who follows it.
const perProcess = "\x00"

// linksOf are the links that are known to be in a mount at a path. Those of
// /dev are made by runc, unless /dev is a bind mount.
func linksOf(path, fsType string) map[string]string {
	switch {
	case fsType == "proc":
		return map[string]string{"self": perProcess, "thread-self": perProcess, "mounts": perProcess, "net": perProcess}
	case path == "/dev":
		return map[string]string{
			"ptmx":   "pts/ptmx",
			"fd":     "/proc/self/fd",
			"stdin":  "/proc/self/fd/0",
			"stdout": "/proc/self/fd/1",
			"stderr": "/proc/self/fd/2",
			"core":   "/proc/kcore",
		}
	}
	return nil
}

func (r *Root) bind(m specs.Mount) (*mount, error) {
	if !filepath.IsAbs(m.Source) {
		return nil, fmt.Errorf("source %q is not an absolute path", m.Source)
	}
	// The source is the host's to name, links and all.
	fd, err := unix.Open(m.Source, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", m.Source, err)
	}
	b := &mount{fd: fd, flat: !slices.Contains(m.Options, "rbind")}
	if err := r.identify(b); err != nil {
		return nil, errors.Join(fmt.Errorf("source %s: %w", m.Source, err), b.close())
	}
	return b, nil
}

// identify fills in what the mount's descriptor stands for.
func (r *Root) identify(m *mount) error {
	var st unix.Statx_t
	if err := unix.Statx(m.fd, "", unix.AT_EMPTY_PATH|unix.AT_NO_AUTOMOUNT, statMask, &st); err != nil {
		return err
	}
	m.node = nodeOf(&st)
	m.node.flat = m.flat
	return nil
}

func (m *mount) close() error {
	if m.fd < 0 {
		return nil
	}
	return unix.Close(m.fd)
}

// forget drops everything that was remembered of the file systems.
func (r *Root) forget() error {
	clear(r.nodes)
	r.size = 0
	return r.closeDirs()
}

func (r *Root) closeDirs() error {
	var errs []error
	for _, fd := range r.dirs {
		errs = append(errs, unix.Close(fd))
	}
	clear(r.dirs)
	return errors.Join(errs...)
}

// Close gives back every descriptor. The Root is of no use afterwards.
func (r *Root) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.forget()
	for _, m := range r.mounts {
		err = errors.Join(err, m.close())
	}
	clear(r.mounts)
	return err
}
