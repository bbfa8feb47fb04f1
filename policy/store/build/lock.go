package build

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// acquire takes the lock that allows to build. If another process has it,
// acquire waits for that one and returns no lock if done then; otherwise it
// takes its turn. The kernel frees the lock of a process that dies.
func acquire(path string, done func() bool) (lock *os.File, waited bool, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, err
	}
	err = flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		waited = true
		// Shared first, so that all who waited look at the same time.
		if err = flock(f, unix.LOCK_SH); err == nil {
			if done() {
				return nil, true, f.Close()
			}
			err = flock(f, unix.LOCK_EX) // gives up the shared lock while it waits
		}
	}
	if err != nil {
		f.Close()
		return nil, waited, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return f, waited, nil
}

func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
