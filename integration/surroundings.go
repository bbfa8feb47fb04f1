//go:build integration

package integration

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/translate"
)

// Surroundings is where the suite runs and what it runs with.
type Surroundings struct {
	Sources   string // the project's top folder
	Bin       string // the binaries under test
	BinFaults string // the same, able to stop or stall between steps
	Fixture   string // the fixture's programs
	Images    string // root file systems, one folder each
	Tools     string // programs that are built for tests alone
	Long      bool   // the long tier: as many starts as the published tables
	Slow      bool   // an emulated machine, where one start takes seconds
	AppArmor  bool   // the kernel can enforce AppArmor profiles
	Guard     bool   // the kernel takes programs at its security hooks
	Enforcer  string // the setting that nodes get; prearm's own choice if empty
}

// Look reads the surroundings from the environment and the kernel. Folders are
// made absolute; relative ones count from the first parent folder that holds a
// go.mod, or from the working directory.
func Look() (Surroundings, error) {
	top, err := top()
	if err != nil {
		return Surroundings{}, err
	}
	dir := func(variable, otherwise string) string {
		value := os.Getenv(variable)
		if value == "" {
			value = otherwise
		}
		if filepath.IsAbs(value) {
			return value
		}
		return filepath.Join(top, value)
	}
	s := Surroundings{
		Sources:   top,
		Bin:       dir("PREARM_BIN", "build/bin"),
		BinFaults: dir("PREARM_BIN_FAULTS", "build/bin-faults"),
		Fixture:   dir("PREARM_FIXTURE", "build/fixture"),
		Images:    dir("PREARM_IMAGES", "build/images"),
		Tools:     dir("PREARM_TOOLS", "build/tools"),
	}
	switch tier := os.Getenv("PREARM_TIER"); tier {
	case "", "ci":
	case "long":
		s.Long = true
	default:
		return s, fmt.Errorf("PREARM_TIER is %q: set it to ci or long", tier)
	}
	switch s.Enforcer = os.Getenv("PREARM_ENFORCER"); s.Enforcer {
	case "", translate.EnforcerAuto, translate.EnforcerBPF, translate.EnforcerAppArmor, translate.EnforcerBoth:
	default:
		return s, fmt.Errorf("PREARM_ENFORCER is %q: set it to a value of enforcer in config.toml", s.Enforcer)
	}
	s.Guard = bpf.LSM() == nil
	cpu, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return s, fmt.Errorf("find out whether the machine is emulated: %w", err)
	}
	s.Slow = strings.Contains(string(cpu), "QEMU TCG")
	enabled, err := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("find out whether AppArmor is enabled: %w", err)
	}
	s.AppArmor = strings.TrimSpace(string(enabled)) == "Y"
	return s, nil
}

// top is the folder of the project's sources.
func top() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the working directory: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return start, nil
		}
	}
}

// mountOnce mounts a kernel file system unless one of its kind is there.
func mountOnce(fstype, at string, magic int64) error {
	var st unix.Statfs_t
	if err := unix.Statfs(at, &st); err != nil {
		return fmt.Errorf("look at %s: %w", at, err)
	}
	if st.Type == magic {
		return nil
	}
	if err := unix.Mount(fstype, at, fstype, 0, ""); err != nil {
		return fmt.Errorf("mount %s at %s: %w", fstype, at, err)
	}
	return nil
}
