package shim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	taskAPI "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/containerd/containerd/mount"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/prearm/prearm/hooks/undo"
	"github.com/prearm/prearm/profiles"
	"github.com/prearm/prearm/shim/config"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/rootfs"
)

// container is what the shim keeps of a container while it lives.
type container struct {
	bundle  string
	cfg     *config.Config
	plan    *translate.Plan // nil: no policy applies
	mounted bool            // the shim mounted the root file system
}

// armProcess puts the container's plan on a process that is to be exec'd in
// it, whose first task is pid, and judges the program that it runs.
func (c *container) armProcess(r *taskAPI.ExecProcessRequest, pid int) (err error) {
	if c.plan == nil {
		return nil
	}
	var process specs.Process
	if err := json.Unmarshal(r.Spec.GetValue(), &process); err != nil {
		return fmt.Errorf("process: %w", err)
	}
	root, err := rootfs.New(fmt.Sprintf("/proc/%d/root", pid), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if err := c.judge(root, &process); err != nil {
		return err
	}
	if err := profiles.ApplyProcess(&process, c.plan); err != nil {
		return err
	}
	r.Spec.Value, err = patch(r.Spec.Value, map[string]any{
		"capabilities":    process.Capabilities,
		"apparmorProfile": process.ApparmorProfile,
	})
	return err
}

// cleanup undoes everything that the start of a container changed on the
// node. It accepts one that was never begun, or was undone already.
func (c *container) cleanup(ctx context.Context) error {
	if !c.mounted && c.plan == nil {
		return nil
	}
	return cleanup(ctx, c.bundle)
}

// cleanup works from the bundle alone, for the delete action, which is a
// process of its own.
func cleanup(_ context.Context, bundle string) error {
	var errs []error
	if err := mount.UnmountRecursive(filepath.Join(bundle, "rootfs"), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
		errs = append(errs, fmt.Errorf("root file system: %w", err))
	}
	if err := undoWithin(undoTimeout, bundle); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// undoWithin undoes what the bundle's journal lists. A hook that hangs has the
// bundle's lock, and must not hang the clean-up too.
func undoWithin(limit time.Duration, bundle string) error {
	done := make(chan error, 1)
	go func() { done <- undo.Container(bundle) }()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("undo: %w", err)
		}
		return nil
	case <-time.After(limit):
		return fmt.Errorf("undo: not done after %s; another process has the lock of %s", limit, bundle)
	}
}
