package hooks

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Bundle is prearm's folder in a container's bundle, locked. Shim, hook and
// the delete action are separate processes, and a dead shim's hook may still
// run when the delete action begins: the lock puts them in order, and once
// Undo has removed the order, no hook arms anything any more.
type Bundle struct {
	path string   // the bundle's own
	dir  *os.File // prearm's folder in it; holds the lock
}

const folder = "prearm"

// Key names a container in the node's shared folders. It is made of the
// bundle's path, which no two live containers share, not even under two
// containerds; and it is safe as a file name.
func Key(bundle string) string {
	sum := sha256.Sum256([]byte(filepath.Clean(bundle)))
	return hex.EncodeToString(sum[:16])
}

// Create makes prearm's folder in the bundle and locks it. containerd removes
// the folder with the bundle.
func Create(bundle string) (*Bundle, error) {
	if err := os.Mkdir(filepath.Join(bundle, folder), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	return Open(bundle)
}

// Open locks the folder, waiting for whoever has it. The error matches
// os.ErrNotExist if the container has none: then nothing was done for it.
func Open(bundle string) (*Bundle, error) {
	dir, err := os.OpenFile(filepath.Join(bundle, folder), os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	if err := flock(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("bundle: lock %s: %w", dir.Name(), err), dir.Close())
	}
	return &Bundle{bundle, dir}, nil
}

// Close unlocks the folder.
func (b *Bundle) Close() error { return b.dir.Close() }

// Path is the bundle's.
func (b *Bundle) Path() string { return b.path }

func (b *Bundle) file(name string) string { return filepath.Join(b.path, folder, name) }

// flock takes f's lock, waiting for it through interruptions.
func flock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
