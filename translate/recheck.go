package translate

import (
	"fmt"

	"github.com/prearm/prearm/translate/rootfs"
)

// Recheck compares how paths resolve in root, with the container's mounts in
// place, with what a plan was compiled for. A path that leads elsewhere now
// would be enforced at the wrong place, so it refuses the start.
func Recheck(paths []Resolution, root *rootfs.Root) error {
	for _, p := range paths {
		now, err := canonical(p.Path, root)
		if err != nil {
			return fmt.Errorf("%s no longer resolves: %w", p.Path, err)
		}
		if now != p.Real {
			return fmt.Errorf("%s was %s when the policies were compiled and is %s now: a volume or the image changed it; start the container again", p.Path, p.Real, now)
		}
	}
	return nil
}
