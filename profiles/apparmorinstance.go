package profiles

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Instance is one loading of a profile and of its children: their folders
// below policy/profiles in securityfs. A profile that is removed and loaded
// again gets others, and is another profile to the kernel: the removal left
// every task that was under the first one unconfined, for good.
type Instance []string

// LostError says that an Instance confines nobody any more.
type LostError struct {
	Profile string
	How     string
}

func (e *LostError) Error() string {
	return fmt.Sprintf("AppArmor profile %s %s, and its rules on processes and files are not in force; delete the container and start it again", e.Profile, e.How)
}

const instances = "policy/profiles"

// Instance finds the loading of a profile that is in the kernel now.
func (a *AppArmor) Instance(name string) (Instance, error) {
	top := filepath.Join(a.kernel, instances)
	loaded, err := os.ReadDir(top)
	if err != nil {
		return nil, fmt.Errorf("AppArmor: %w", err)
	}
	for _, entry := range loaded {
		number, ours := strings.CutPrefix(entry.Name(), name+".")
		if _, err := strconv.ParseUint(number, 10, 64); !ours || err != nil {
			continue
		}
		found := Instance{entry.Name()}
		children, err := os.ReadDir(filepath.Join(top, entry.Name(), "profiles"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("AppArmor: %w", err)
		}
		for _, child := range children {
			found = append(found, filepath.Join(entry.Name(), "profiles", child.Name()))
		}
		return found, nil
	}
	return nil, fmt.Errorf("AppArmor profile %s is not in the kernel", name)
}

// Enforced fails with a LostError if the instance is not in force any more,
// and with another error if that cannot be found out.
func (a *AppArmor) Enforced(i Instance) error {
	if len(i) == 0 {
		return errors.New("AppArmor: no profile was loaded")
	}
	name, _, _ := strings.Cut(i[0], ".")
	node, err := os.ReadFile(modeParameter)
	if err != nil {
		return fmt.Errorf("AppArmor: %w", err)
	}
	if mode := strings.TrimSpace(string(node)); !enforcing(mode) {
		return &LostError{name, fmt.Sprintf("is not enforced, as %s says %s", modeParameter, mode)}
	}
	top := filepath.Join(a.kernel, instances)
	for _, folder := range i {
		mode, err := os.ReadFile(filepath.Join(top, folder, "mode"))
		if errors.Is(err, fs.ErrNotExist) {
			if _, err := os.Stat(top); err != nil {
				return fmt.Errorf("AppArmor: %w", err) // securityfs is not there
			}
			return &LostError{name, "was removed from the kernel, as aa-remove-unknown and aa-teardown do"}
		}
		if err != nil {
			return fmt.Errorf("AppArmor: %w", err)
		}
		if mode := strings.TrimSpace(string(mode)); !enforcing(mode) {
			return &LostError{name, "is in mode " + mode}
		}
	}
	return nil
}

// modeParameter is the mode of all profiles; where it is not to enforce, it
// stands over each profile's own, and securityfs does not show it.
const modeParameter = "/sys/module/apparmor/parameters/mode"

// enforcing says whether a mode denies. Profiles in mode kill also end the task.
func enforcing(mode string) bool { return mode == "enforce" || mode == "kill" }

// Changes gives a file from which a read returns at once, and from then on
// whenever the kernel's profiles have changed. Waiting takes no thread.
func (a *AppArmor) Changes() (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(a.kernel, "revision"), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("AppArmor: %w", err)
	}
	return f, nil
}
