package install

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Running is a process that prearm's rules or its shim still serve.
type Running struct {
	PID  int
	What string
}

func (r Running) String() string { return fmt.Sprintf("%s (process %d)", r.What, r.PID) }

// Live lists what runs under prearm: shims on this root file system, and
// processes that a profile of ours confines. They need the programs, to be
// disarmed in the end, and must not lose their rules before.
func Live() ([]Running, error) {
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var live []Running
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		if what := shim(pid); what != "" {
			live = append(live, Running{pid, what})
		} else if what := confined(pid); what != "" {
			live = append(live, Running{pid, what})
		}
	}
	return live, nil
}

// shim says which container or pod a process is the shim of; "" if it is none
// or has ended. Those of another root, in a container that is a node itself,
// are the affair of the prearm in there.
func shim(pid int) string {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	exe, err := os.Readlink(filepath.Join(proc, "exe"))
	name := filepath.Base(strings.TrimSuffix(exe, " (deleted)")) // by an upgrade
	if err != nil || name != "prearm-shim" && name != "containerd-shim-prearm-v1" {
		return ""
	}
	root, err := os.Stat(filepath.Join(proc, "root"))
	if err != nil {
		return ""
	}
	if own, err := os.Stat("/"); err == nil && !os.SameFile(root, own) {
		return ""
	}
	text, err := os.ReadFile(filepath.Join(proc, "cmdline"))
	if err != nil {
		return ""
	}
	args := strings.Split(string(text), "\x00")
	after := func(flag string) string {
		if i := slices.Index(args, flag); i >= 0 && i+1 < len(args) {
			return args[i+1]
		}
		return "?"
	}
	return "container " + after("-id") + " of namespace " + after("-namespace")
}

// confined says which profile of prearm's a process is under.
func confined(pid int) string {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "attr/current"))
	if err != nil {
		return ""
	}
	names, _, _ := strings.Cut(string(text), " (") // the mode
	for _, profile := range strings.Split(names, "//&") {
		if strings.HasPrefix(profile, "prearm-") {
			return "a program under the profile " + profile
		}
	}
	return ""
}
