package front

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// unmount takes away everything that is mounted at path or below it. Who is
// still in there keeps it alive, but nobody finds it any more.
func unmount(path string) error {
	for {
		err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		switch {
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOENT): // nothing is mounted there
			return nil
		case err != nil:
			return fmt.Errorf("unmount %s: %w", path, err)
		}
	}
}
