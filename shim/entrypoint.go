package shim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/rootfs"
)

// maxListed is how many rules an error or a log line names.
const maxListed = 10

// refusedError lists the rules for which a container is not started.
type refusedError struct {
	refusals []translate.Refusal
}

func (e *refusedError) Error() string {
	var lines []string
	for _, r := range e.refusals {
		lines = append(lines, r.String())
	}
	return strings.Join(first(lines, maxListed), "; ")
}

// first cuts a list after n and says how many were left out.
func first(list []string, n int) []string {
	if len(list) <= n {
		return list
	}
	return append(slices.Clone(list[:n]), fmt.Sprintf("and %d more, which prearm explain lists", len(list)-n))
}

// judge decides on the first program of a process, as the kernel would if it
// could: by the name that it has now. A denial here can be explained; one by
// the kernel is an exit code. It gives the canonical path of what is executed
// in the end, for a script of its interpreter.
func (c *container) judge(root *rootfs.Root, process *specs.Process) (program string, err error) {
	if len(process.Args) == 0 {
		return "", nil // runc refuses it
	}
	chain, err := root.Exec(process.Args[0], pathOf(process.Env), process.Cwd)
	if err != nil {
		return "", fmt.Errorf("program %q: %w", process.Args[0], err)
	}
	denied, err := c.plan.JudgeExec(root, chain, process.Args[0], hostUser(process.User.UID, c.users))
	if err != nil {
		return "", err
	}
	if denied != nil && !(denied.ByPosture && c.cfg.AllowEntrypoint) {
		return "", denied
	}
	return chain[len(chain)-1], nil
}

// hostUser is a user of the container as the host has it, whose numbers the
// owners of files are.
func hostUser(uid uint32, users []specs.LinuxIDMapping) uint32 {
	for _, m := range users {
		if uid >= m.ContainerID && uid-m.ContainerID < m.Size {
			return m.HostID + uid - m.ContainerID
		}
	}
	return uid
}

// pathOf is the PATH that a program is looked up in. The last one counts, as
// for runc.
func pathOf(env []string) string {
	path := ""
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			path = v
		}
	}
	return path
}
