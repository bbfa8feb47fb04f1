package shim

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

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
	users   []specs.LinuxIDMapping

	guarded bool                // the guard is to hold it
	profile profiles.Instance   // nil: no AppArmor profile confines it
	lost    *profiles.LostError // once it was noticed; guarded by the service's mu
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
	program, err := c.judge(root, &process)
	if err != nil {
		return err
	}
	if err := profiles.ApplyProcess(&process, c.plan, program); err != nil {
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
func (c *container) cleanup() error {
	if !c.mounted && c.plan == nil {
		return nil
	}
	var errs []error
	if err := mount.UnmountRecursive(filepath.Join(c.bundle, "rootfs"), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
		errs = append(errs, fmt.Errorf("root file system: %w", err))
	}
	if err := undo.Within(undo.Limit, c.bundle); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
