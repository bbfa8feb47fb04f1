package shim

import (
	"context"
	"errors"
	"fmt"

	taskAPI "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/containerd/containerd/errdefs"
	"github.com/containerd/log"
	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/hooks"
	"github.com/prearm/prearm/profiles"
	"github.com/prearm/prearm/shim/config"
)

// What is in force stays in force without the shim, but for one thing: the
// node's administrator can remove AppArmor profiles, and the kernel then leaves
// the tasks that were under them unconfined. Nothing brings a task back. So the
// shim notices, and ends the container, as a start whose rules cannot be
// enforced is refused.

// enforced fails if what the container was started under is not in force any
// more, or if that cannot be found out.
func (c *container) enforced() error {
	if err := c.underGuard(); err != nil {
		return err
	}
	if c.profile == nil {
		return nil
	}
	kernel, err := profiles.OpenAppArmor(c.cfg.Cache)
	if err != nil {
		return err
	}
	return kernel.Enforced(c.profile)
}

// underGuard fails if the guard does not have the container, or was taken out of
// the kernel, which the removal of its pins does.
func (c *container) underGuard() error {
	if !c.guarded {
		return nil
	}
	if err := bpf.Guarded(c.cfg.BPFFS, hooks.Key(c.bundle)); err != nil {
		return fmt.Errorf("%w; start the container again", err)
	}
	return nil
}

// Start starts the container's first process, or one that Exec armed, unless
// its profile went meanwhile.
func (s *service) Start(ctx context.Context, r *taskAPI.StartRequest) (*taskAPI.StartResponse, error) {
	s.mu.Lock()
	c := s.containers[r.ID]
	s.mu.Unlock()
	if c != nil {
		if err := c.enforced(); err != nil {
			return nil, errdefs.ToGRPC(fmt.Errorf("prearm: start refused: %w", err))
		}
	}
	return s.TaskService.Start(ctx, r)
}

// watch waits for changes of the kernel's profiles, as long as the process
// lives, and looks after the containers at each.
func (s *service) watch() {
	err := func() error {
		kernel, err := profiles.OpenAppArmor("")
		if err != nil {
			return err
		}
		changes, err := kernel.Changes()
		if err != nil {
			return err
		}
		defer changes.Close()
		for {
			if _, err := changes.Read(make([]byte, 32)); err != nil {
				return err
			}
			s.endLost()
		}
	}()
	log.L.WithError(err).Error("prearm: that an AppArmor profile is removed will not be noticed before the next exec")
}

// endLost ends the containers whose profiles are not in force any more, or
// only says so where rules need not be enforced.
func (s *service) endLost() {
	for id, c := range s.newlyLost() {
		entry := log.L.WithError(c.lost).WithField("id", id)
		if c.cfg.OnUnenforceable == config.Warn {
			entry.Error("prearm: container runs on without its rules on processes and files")
			continue
		}
		entry.Error("prearm: ending container")
		_, err := s.Kill(context.Background(), &taskAPI.KillRequest{ID: id, Signal: uint32(unix.SIGKILL), All: true})
		if err != nil && !errdefs.IsNotFound(errdefs.FromGRPC(err)) { // it may just have ended
			entry.WithError(err).Error("prearm: ending container failed, and it runs on without its rules on processes and files")
		}
	}
}

// newlyLost finds containers whose loss nobody was told of. A container that
// is being deleted is not among them: Delete forgets it before it removes the
// profile.
func (s *service) newlyLost() map[string]*container {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := make(map[string]*container)
	for id, c := range s.containers {
		if c.lost == nil && errors.As(c.enforced(), &c.lost) {
			found[id] = c
		}
	}
	return found
}
