package rootfs

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// kind is what stands at a path.
type kind int

const (
	missing   kind = iota
	opaque         // below a mount whose contents are not known yet
	directory      // can be walked through
	link           // a symbolic link
	regular        // a regular file
	other          // fifo, socket, device
)

// node is what stands at one canonical path.
type node struct {
	kind   kind
	mode   uint16
	uid    uint32
	target string // of a link
	opaque string // where the unknown begins, if kind is opaque
	flat   bool   // in a bind mount that is not recursive
	empty  bool   // a directory that the runtime will make
}

// walkable says whether a further component can follow.
func (n node) walkable() bool { return n.kind == directory || n.kind == opaque }

const statMask = unix.STATX_TYPE | unix.STATX_MODE | unix.STATX_UID

func nodeOf(st *unix.Statx_t) node {
	n := node{mode: st.Mode, uid: st.Uid}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		n.kind = directory
	case unix.S_IFLNK:
		n.kind = link
	case unix.S_IFREG:
		n.kind = regular
	default:
		n.kind = other
	}
	return n
}

// at is the node of a canonical path.
func (r *Root) at(path string) (node, error) {
	if path == "/" {
		return r.mounts["/"].node, nil
	}
	if n, ok := r.nodes[path]; ok && r.mounts[path] == nil {
		return n, nil
	}
	up := parentOf(path)
	parent, err := r.at(up)
	if err != nil {
		return node{}, err
	}
	return r.child(up, parent, path[strings.LastIndexByte(path, '/')+1:])
}

// child is the node called name in the directory dir, whose node is parent.
func (r *Root) child(dir string, parent node, name string) (node, error) {
	path := join(dir, name)
	if m := r.mounts[path]; m != nil {
		return m.node, nil
	}
	if n, ok := r.nodes[path]; ok {
		return n, nil
	}
	n, err := r.look(dir, parent, name)
	if err != nil {
		return node{}, err
	}
	if n.kind == missing && r.implied[path] {
		n = node{kind: directory, mode: unix.S_IFDIR | 0o755, empty: true}
	}
	r.size += len(path) + len(n.target) + 128
	if r.size > maxRemembered {
		clear(r.nodes)
		r.size = 0
	}
	r.nodes[path] = n
	return n, nil
}

// look asks the file system.
func (r *Root) look(dir string, parent node, name string) (node, error) {
	switch {
	case parent.kind == opaque:
		if m := r.mounts[dir]; m != nil {
			if target, ok := m.links[name]; ok {
				return knownLink(target)
			}
		}
		return parent, nil
	case parent.kind != directory || parent.empty:
		return node{}, nil
	}
	fd, err := r.dir(dir)
	if err != nil {
		return node{}, err
	}
	var st unix.Statx_t
	err = unix.Statx(fd, name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, statMask, &st)
	switch {
	case errors.Is(err, unix.ENOENT):
		return node{}, nil
	case errors.Is(err, unix.ENAMETOOLONG):
		return node{}, ErrTooLong
	case err != nil:
		return node{}, fmt.Errorf("stat of %q: %w", join(dir, name), err)
	}
	n := nodeOf(&st)
	n.flat = parent.flat
	if n.flat && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		// A mount below the source, which a plain bind does not bring along.
		return node{kind: opaque, opaque: join(dir, name)}, nil
	}
	if n.kind == link {
		if n.target, err = readlinkat(fd, name); err != nil {
			return node{}, fmt.Errorf("link %q: %w", join(dir, name), err)
		}
	}
	return n, nil
}

// knownLink is a link in an opaque mount.
func knownLink(target string) (node, error) {
	if target == perProcess {
		return node{}, ErrPerProcess
	}
	return node{kind: link, mode: unix.S_IFLNK | 0o777, target: target}, nil
}

func readlinkat(dir int, name string) (string, error) {
	var target [maxPath + 1]byte
	n, err := unix.Readlinkat(dir, name, target[:])
	if err != nil {
		return "", err
	}
	if n > maxPath {
		return "", ErrTooLong
	}
	return string(target[:n]), nil
}

// dir is a descriptor of a canonical directory. It stays the Root's, and
// lasts until the next call.
func (r *Root) dir(path string) (int, error) {
	if m := r.mounts[path]; m != nil {
		return m.fd, nil
	}
	if fd, ok := r.dirs[path]; ok {
		return fd, nil
	}
	fd, err := r.open(path, unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	if len(r.dirs) >= maxDescriptors {
		if err := r.closeDirs(); err != nil {
			return -1, errors.Join(err, unix.Close(fd))
		}
	}
	r.dirs[path] = fd
	return fd, nil
}

// open gives a new O_PATH descriptor of what is at a canonical path, where a
// link is itself. Opening so has no effect on fifos and devices.
func (r *Root) open(path string, flags int) (int, error) {
	flags |= unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC
	if m := r.mounts[path]; m != nil {
		if m.fd < 0 {
			return -1, fmt.Errorf("%q: %w", path, ErrOpaque)
		}
		return unix.FcntlInt(uintptr(m.fd), unix.F_DUPFD_CLOEXEC, 0)
	}
	up, err := r.dir(parentOf(path))
	if err != nil {
		return -1, err
	}
	fd, err := unix.Openat(up, path[strings.LastIndexByte(path, '/')+1:], flags, 0)
	if err != nil {
		return -1, fmt.Errorf("%q changed while it was looked at, or cannot be opened: %w", path, err)
	}
	return fd, nil
}

func join(dir, name string) string {
	if dir == "/" {
		return "/" + name
	}
	return dir + "/" + name
}

// parentOf is the directory of a canonical path; "/" is its own.
func parentOf(path string) string {
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		return path[:i]
	}
	return "/"
}
