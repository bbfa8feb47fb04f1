//go:build integration

package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Ctr runs containerd's own client. An exit status other than 0 is no error.
func (d *Daemon) Ctr(ctx context.Context, args ...string) (Result, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(d.programs, "ctr"), append([]string{"--address", d.Address}, args...)...)
	// Later versions warn of what is old about the machine, at every call.
	cmd.Env = append(os.Environ(), "CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		return Result{}, fmt.Errorf("run ctr (on Debian: apt-get install containerd): %w", err)
	}
	return Result{Exit: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}, nil
}
