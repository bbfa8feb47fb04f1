//go:build prearm_faults

// Package fault lets tests stop a start between two of its steps. This is the
// variant for tests: before a step, it obeys the file "fault" in the node's
// state folder, which holds one line, "delay:STEP" (200 ms) or "kill:STEP"
// (the process kills itself as if from outside; the file is removed first, so
// that what cleans up survives).
package fault

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// At marks the beginning of a step.
func At(state, step string) {
	path := filepath.Join(state, "fault")
	data, err := os.ReadFile(path)
	if err != nil {
		return
	}
	action, where, _ := strings.Cut(strings.TrimSpace(string(data)), ":")
	if where != step {
		return
	}
	switch action {
	case "delay":
		time.Sleep(200 * time.Millisecond)
	case "kill":
		_ = os.Remove(path)
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}
