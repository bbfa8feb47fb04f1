package install

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/translate/rootfs"
)

// file is what a path holds: a regular file, a folder, or a symlink, whose
// data is its target. A nil *file is a path that holds nothing.
type file struct {
	data     []byte
	mode     fs.FileMode // type and permissions
	uid, gid int
}

func text(data string) *file { return &file{data: []byte(data), mode: 0o644} }

func (f *file) same(g *file) bool {
	if f == nil || g == nil {
		return f == g
	}
	return f.mode == g.mode && f.uid == g.uid && f.gid == g.gid && bytes.Equal(f.data, g.data)
}

func (f *file) sum() string {
	sum := sha256.Sum256(f.data)
	return hex.EncodeToString(sum[:])
}

// with is f with other data, and f's owner and mode.
func (f *file) with(data string) *file {
	g := *f
	g.data = []byte(data)
	return &g
}

// tree is the root of the node's files, "/" or a folder that holds another
// system. Links in it lead nowhere outside.
type tree struct {
	root string
}

// real is where a path of the node is, links among its parents followed.
func (t tree) real(path string, follow bool) (string, error) {
	root, err := rootfs.New(t.root, nil)
	if err != nil {
		return "", err
	}
	r, err := root.Resolve(path)
	if err := errors.Join(err, root.Close()); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	if follow {
		return filepath.Join(t.root, r.Final()), nil
	}
	return filepath.Join(t.root, r.Real), nil
}

// read gives what is at path, nil if there is nothing. A link in the last
// place is followed unless asked for itself.
func (t tree) read(path string, follow bool) (*file, error) {
	at, err := t.real(path, follow)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Lstat(at, &st); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, &fs.PathError{Op: "lstat", Path: at, Err: err}
	}
	f := &file{mode: fs.FileMode(st.Mode & 0o777), uid: int(st.Uid), gid: int(st.Gid)}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		f.data, err = os.ReadFile(at)
	case unix.S_IFDIR:
		f.mode |= fs.ModeDir
	case unix.S_IFLNK:
		var target string
		target, err = os.Readlink(at)
		f.mode, f.data = fs.ModeSymlink, []byte(target)
	default:
		return nil, fmt.Errorf("%s is neither a file nor a folder", at)
	}
	return f, err
}

// write makes path hold f. A reader sees the old file or the new one, and a
// program that runs keeps running.
func (t tree) write(path string, f *file) (err error) {
	at, err := t.real(path, f.mode&fs.ModeSymlink == 0)
	if err != nil {
		return err
	}
	if f.mode.IsDir() {
		if err := os.MkdirAll(at, f.mode.Perm()); err != nil {
			return err
		}
		return os.Chmod(at, f.mode.Perm())
	}
	temp, err := os.MkdirTemp(filepath.Dir(at), ".prearm-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	next := filepath.Join(temp, filepath.Base(at))
	if f.mode&fs.ModeSymlink != 0 {
		err = os.Symlink(string(f.data), next)
	} else {
		err = writeSynced(next, f)
	}
	if err != nil {
		return err
	}
	return os.Rename(next, at)
}

func writeSynced(path string, f *file) error {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = out.Write(f.data)
	return errors.Join(err, out.Chown(f.uid, f.gid), out.Chmod(f.mode.Perm()), out.Sync(), out.Close())
}

// remove makes path hold nothing. A folder that is not empty stays, and so does
// one that something is mounted on.
func (t tree) remove(path string) error {
	at, err := t.real(path, false)
	if err != nil {
		return err
	}
	err = os.Remove(at)
	for _, no := range []error{unix.ENOTEMPTY, unix.EBUSY, fs.ErrNotExist} {
		if errors.Is(err, no) {
			return nil
		}
	}
	return err
}

// list names what is in a folder; nothing if there is none.
func (t tree) list(path string) ([]string, error) {
	at, err := t.real(path, true)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}
