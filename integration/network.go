//go:build integration

package integration

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Network is a network namespace of our own: what a daemon makes in it of
// links, addresses and routes goes with it.
type Network struct {
	file *os.File
}

// NewNetwork makes one whose loopback is up.
func NewNetwork() (_ *Network, err error) {
	n := new(Network)
	err = apart(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make a network namespace: %w", err)
		}
		if n.file, err = os.Open("/proc/thread-self/ns/net"); err != nil {
			return fmt.Errorf("make a network namespace: %w", err)
		}
		return loopbackUp()
	})
	if err != nil && n.file != nil {
		err = errors.Join(err, n.file.Close())
	}
	return n, err
}

// Do calls f in the namespace. Sockets that f makes, and processes that it
// starts, stay there.
func (n *Network) Do(f func() error) error {
	return apart(func() error {
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter a network namespace: %w", err)
		}
		return f()
	})
}

// Close lets go of it; it ends with its last process.
func (n *Network) Close() error { return n.file.Close() }

// apart calls f on a thread whose network namespace f may change.
func apart(f func() error) error {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return fmt.Errorf("find our network namespace: %w", err)
	}
	defer home.Close()
	err = f()
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		// The thread stays locked, so that nobody else runs on it.
		return errors.Join(err, fmt.Errorf("return to our network namespace: %w", back))
	}
	// The thread must not end: a child's life may hang on it.
	runtime.UnlockOSThread()
	return err
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("bring loopback up: %w", err)
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("bring loopback up: %w", err)
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("bring loopback up: %w", err)
	}
	return nil
}
