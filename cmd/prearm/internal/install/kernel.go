package install

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/profiles"
	"github.com/prearm/prearm/shim/config"
)

// Clean removes what containers leave for the next ones, once none of them
// lives: pinned programs, profiles in the kernel, claims, the index and
// compiled profiles. Policies and settings stay. A container that is armed
// without a shim of ours is an error, and nothing of its rules is touched.
func Clean(c *config.Config) error {
	if err := bpf.Unload(c.BPFFS); err != nil {
		return fmt.Errorf("the cgroup programs: %w", err)
	}
	if kernel, err := profiles.OpenAppArmor(c.Cache); err == nil {
		ours, err := kernel.List()
		if err != nil {
			return err
		}
		for _, name := range ours {
			if err := kernel.Remove(name); err != nil {
				return err
			}
		}
	}
	indexes, err := filepath.Glob(c.IndexPath() + "*")
	if err != nil {
		return err
	}
	paths := append(indexes, filepath.Join(c.Cache, "apparmor"), filepath.Join(c.State, "claims"))
	for _, once := range []string{"apparmor-abi*", "bpf-lsm*"} { // what is found out once a boot
		found, err := filepath.Glob(filepath.Join(c.State, once))
		if err != nil {
			return err
		}
		paths = append(paths, found...)
	}
	var errs []error
	for _, path := range paths {
		errs = append(errs, os.RemoveAll(path))
	}
	for _, dir := range []string{c.State, c.Cache} {
		errs = append(errs, tree{"/"}.remove(dir))
	}
	return errors.Join(errs...)
}
