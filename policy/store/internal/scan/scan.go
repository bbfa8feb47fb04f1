// Package scan tells whether the files of a policy folder are still those
// that were indexed.
//
// A file is what its stamp says it is: device, inode, size, and the two times
// in nanoseconds. Any write, truncation, replacement or touch moves the
// change time, which no program can set. The folder has a stamp as well, which
// moves when a name comes or goes, so that no listing is needed to notice one.
//
// The kernel stamps a change with a clock that ticks every 1 to 10 ms (the
// second, on some file systems). A file that was changed in the tick in which
// it was read may be changed once more without a new stamp. Settled finds
// such files; their content has to be compared.
//
// What is not seen: a write through a shared mapping, which the kernel stamps
// when the page is first dirtied and not at every store; and changes on a
// network file system before its cache expires. Policies belong on a local
// file system, and are written by write or rename, as every editor does.
package scan

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/store/internal/format"
)

// Self is the name under which a folder is its own file.
var Self = []byte{'.', 0}

// Folder is an opened policy folder.
type Folder struct {
	Path string
	f    *os.File
	fd   uintptr
}

// Open opens the folder, or what a symlink of that name points to.
func Open(path string) (*Folder, error) {
	f, err := os.OpenFile(path, unix.O_DIRECTORY|unix.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	return &Folder{Path: path, f: f, fd: f.Fd()}, nil
}

// Close closes the folder.
func (d *Folder) Close() error { return d.f.Close() }

// Names are the policy files of the folder, sorted: names that end in .yaml,
// .yml or .json and do not begin with a dot. Folders inside are not entered;
// the files of a projected Kubernetes volume are symlinks in the folder itself
// and found so.
func (d *Folder) Names() ([]string, error) {
	if _, err := d.f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	all, err := d.f.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	names := slices.DeleteFunc(all, func(name string) bool { return !IsPolicyFile(name) })
	if len(names) >= format.MaxFiles {
		return nil, fmt.Errorf("%s has %d policy files, the limit is %d", d.Path, len(names), format.MaxFiles-1)
	}
	slices.Sort(names)
	return names, nil
}

// IsPolicyFile reports whether a file of this name in a policy folder is read.
func IsPolicyFile(name string) bool {
	if strings.HasPrefix(name, ".") {
		return false
	}
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".json")
}

// Stamp identifies the current version of a file, given by its name and a
// NUL; symlinks are followed. The zero stamp is that of a name that leads to
// nothing.
func (d *Folder) Stamp(name []byte) format.Stamp {
	var st unix.Statx_t
	// Raw: the call does not block on a local file system, and ten thousand
	// of them should not each tell the scheduler.
	_, _, errno := unix.RawSyscall6(unix.SYS_STATX, d.fd, uintptr(unsafe.Pointer(&name[0])), 0,
		unix.STATX_BASIC_STATS, uintptr(unsafe.Pointer(&st)), 0)
	if errno != 0 {
		return format.Stamp{}
	}
	return format.Stamp{
		Dev:   unix.Mkdev(st.Dev_major, st.Dev_minor),
		Ino:   st.Ino,
		Size:  int64(st.Size),
		MTime: st.Mtime.Sec*1e9 + int64(st.Mtime.Nsec),
		CTime: st.Ctime.Sec*1e9 + int64(st.Ctime.Nsec),
	}
}

// Now is the time that the kernel would stamp a change with, at the earliest.
func Now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &ts); err != nil {
		return 0 // nothing is settled then
	}
	return ts.Nano()
}

// Settled reports whether a file with the stamp, read after now, cannot be
// changed again without a new stamp.
func Settled(s format.Stamp, now int64) bool {
	// The file system may round times down; how far shows in the stamp.
	round := int64(1)
	switch {
	case s.CTime%1e9 == 0:
		round = 2e9
	case s.CTime%1000 == 0:
		round = 1000
	}
	return s.CTime < now-now%round
}

// Read is the content of a file, up to one byte more than a policy file may
// have. Anything but a regular file is an error, and nothing is waited for.
func (d *Folder) Read(name string) ([]byte, error) {
	fd, err := unix.Openat(int(d.fd), name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: d.Path + "/" + name, Err: err}
	}
	f := os.NewFile(uintptr(fd), d.Path+"/"+name)
	defer f.Close()
	return ReadAll(f)
}

// ReadAll reads an opened policy file, with the same limits as Read.
func ReadAll(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "read", Path: f.Name(), Err: ErrNotRegular}
	}
	return io.ReadAll(io.LimitReader(f, policy.MaxFileSize+1))
}

// ErrNotRegular is the error of reading a folder, pipe or device as a file.
const ErrNotRegular = notRegular("not a regular file")

type notRegular string

func (e notRegular) Error() string { return string(e) }

// Sum is the digest of a file's content, zero if it cannot be read.
func (d *Folder) Sum(name string) (sum [sha256.Size]byte) {
	data, err := d.Read(name)
	if err != nil {
		return sum
	}
	return sha256.Sum256(data)
}

// SumNames is the digest of a folder's listing, zero if it cannot be read.
func (d *Folder) SumNames() (sum [sha256.Size]byte) {
	names, err := d.Names()
	if err != nil {
		return sum
	}
	return SumOf(names)
}

// SumOf is the digest of a listing.
func SumOf(names []string) [sha256.Size]byte {
	return sha256.Sum256([]byte(strings.Join(names, "\x00")))
}
