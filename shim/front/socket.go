package front

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// socketRoot is where containerd's shims listen, whatever its state folder.
const socketRoot = "/run/containerd/s"

// addressFile is where in the bundle containerd finds a shim again.
const addressFile = "address"

// socket is where the shim of one pod listens.
type socket struct {
	path string
	file *os.File // the listening socket, for the process that serves
}

// newSocket names the socket as containerd's shim library does, so that
// prearm-shim, when it is handed a start, finds the same one.
func newSocket(containerd, namespace, group string) *socket {
	sum := sha256.Sum256([]byte(filepath.Join(containerd, namespace, group)))
	return &socket{path: filepath.Join(socketRoot, fmt.Sprintf("%x", sum))}
}

func (s *socket) address() string { return "unix://" + s.path }

// listen opens the socket, unless a process serves it already. What a dead
// one has left there is removed.
func (s *socket) listen() (served bool, err error) {
	err = s.open()
	if !errors.Is(err, unix.EADDRINUSE) {
		return false, err
	}
	if conn, err := net.DialTimeout("unix", s.path, 100*time.Millisecond); err == nil {
		return true, conn.Close()
	}
	if err := os.Remove(s.path); err != nil {
		return false, err
	}
	return false, s.open()
}

func (s *socket) open() (err error) {
	if err := os.MkdirAll(socketRoot, 0o700); err != nil {
		return err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.path, Net: "unix"})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := os.Chmod(s.path, 0o600); err != nil {
		return err
	}
	s.file, err = l.File()
	return err
}

// leave writes the address into the bundle; a reader sees all of it or none.
func (s *socket) leave() error {
	tmp := "." + addressFile
	if err := os.WriteFile(tmp, []byte(s.address()), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, addressFile)
}

func (s *socket) remove() error { return os.Remove(s.path) }
