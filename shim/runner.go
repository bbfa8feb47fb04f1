package shim

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/containerd/containerd/sys/reaper"
)

// runner runs helper programs. The shim reaps every child of the process, so
// they are waited for through its reaper; exec.Cmd.Run would lose their
// status.
type runner struct {
	timeout time.Duration
}

// Run runs cmd and waits for it. The error carries the first lines of its
// stderr, unless cmd has a stderr of its own.
func (r runner) Run(cmd *exec.Cmd) error {
	var stderr bytes.Buffer
	if cmd.Stderr == nil {
		cmd.Stderr = &stderr
	}
	exits, err := reaper.Default.Start(cmd)
	if err != nil {
		return err
	}
	status, err := reaper.Default.WaitTimeout(cmd, exits, r.timeout)
	if err != nil {
		return err
	}
	if status != 0 {
		return fmt.Errorf("%s exited with %d: %s", cmd.Path, status, firstLines(stderr.String(), 10))
	}
	return nil
}

func firstLines(s string, n int) string {
	lines := strings.SplitN(strings.TrimSpace(s), "\n", n+1)
	if len(lines) > n {
		lines = lines[:n]
	}
	return strings.Join(lines, "; ")
}
