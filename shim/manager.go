package shim

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/containerd/containerd/runtime/v2/runc/manager"
	"github.com/containerd/containerd/runtime/v2/shim"
	"github.com/containerd/log"
)

// shimManager is runc's manager, extended: what is left of a container after
// its shim has died is cleaned up from its bundle.
type shimManager struct {
	shim.Manager
}

func newManager() shim.Manager {
	return shimManager{manager.NewShimManager(Name)}
}

// Stop runs as the delete action, in a fresh process whose working directory
// is a bundle of the same containerd and namespace.
func (m shimManager) Stop(ctx context.Context, id string) (shim.StopStatus, error) {
	debug.SetGCPercent(-1)
	cwd, err := os.Getwd()
	if err != nil {
		return shim.StopStatus{}, err
	}
	bundle := filepath.Join(filepath.Dir(cwd), id)
	status, err := m.Manager.Stop(ctx, id)
	if errors.Is(err, os.ErrNotExist) {
		// runc was never reached: there is no container of its to stop.
		status = shim.StopStatus{ExitedAt: time.Now(), ExitStatus: 128 + int(syscall.SIGKILL)}
		err = nil
	}
	if undo := cleanup(ctx, bundle); undo != nil {
		log.G(ctx).WithError(undo).WithField("id", id).Error("prearm: cleaning up after a dead shim")
		err = errors.Join(err, undo)
	}
	return status, err
}
