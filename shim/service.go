package shim

import (
	"context"
	"fmt"
	"sync"

	taskAPI "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/containerd/containerd/errdefs"
	ptypes "github.com/containerd/containerd/protobuf/types"
	"github.com/containerd/log"
	"github.com/containerd/ttrpc"
)

// service is containerd's runc task service with policies. What it does not
// override passes through.
type service struct {
	taskAPI.TaskService
	containerd string // address of containerd's API

	mu         sync.Mutex
	containers map[string]*container // by ID; a pod's containers share a shim
	prepared   <-chan *prepared      // for the first of them; nil once taken
	watching   sync.Once
}

func newService(inner taskAPI.TaskService, containerd string) *service {
	return &service{TaskService: inner, containerd: containerd, containers: make(map[string]*container), prepared: prepare()}
}

// RegisterTTRPC serves s itself, not the service inside it.
func (s *service) RegisterTTRPC(server *ttrpc.Server) error {
	taskAPI.RegisterTaskService(server, s)
	return nil
}

// Create arms the container and has runc create it, or refuses.
func (s *service) Create(ctx context.Context, r *taskAPI.CreateTaskRequest) (*taskAPI.CreateTaskResponse, error) {
	start := newStart(s, r)
	if err := start.arm(ctx); err != nil {
		return nil, refused(ctx, start, err)
	}
	resp, err := s.TaskService.Create(ctx, start.inner())
	if err != nil {
		return nil, refused(ctx, start, err)
	}
	start.done(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.containers[r.ID] = start.container
	if start.container.profile != nil {
		s.watching.Do(func() { go s.watch() })
	}
	return resp, nil
}

// refused undoes the start and gives the error that containerd shows.
func refused(ctx context.Context, start *start, err error) error {
	if undo := start.container.cleanup(); undo != nil {
		log.G(ctx).WithError(undo).WithField("id", start.req.ID).Error("prearm: undoing the refused start")
	}
	log.G(ctx).WithError(err).WithField("id", start.req.ID).Warn("prearm: start refused")
	return errdefs.ToGRPC(err)
}

// Exec puts the container's plan on the new process, which containerd
// describes from its own metadata and not from the armed bundle.
func (s *service) Exec(ctx context.Context, r *taskAPI.ExecProcessRequest) (*ptypes.Empty, error) {
	s.mu.Lock()
	c := s.containers[r.ID]
	s.mu.Unlock()
	if c == nil {
		return nil, errdefs.ToGRPC(fmt.Errorf("container %s: %w", r.ID, errdefs.ErrNotFound))
	}
	if err := c.enforced(); err != nil {
		return nil, errdefs.ToGRPC(fmt.Errorf("prearm: exec refused: %w", err))
	}
	init, err := s.Connect(ctx, &taskAPI.ConnectRequest{ID: r.ID})
	if err != nil {
		return nil, err
	}
	if err := c.armProcess(r, int(init.GetTaskPid())); err != nil {
		return nil, errdefs.ToGRPC(fmt.Errorf("prearm: exec refused: %w", err))
	}
	return s.TaskService.Exec(ctx, r)
}

// Delete undoes what the start changed, once the container is gone.
func (s *service) Delete(ctx context.Context, r *taskAPI.DeleteRequest) (*taskAPI.DeleteResponse, error) {
	resp, err := s.TaskService.Delete(ctx, r)
	if err != nil || r.ExecID != "" {
		return resp, err
	}
	s.mu.Lock()
	c := s.containers[r.ID]
	delete(s.containers, r.ID)
	s.mu.Unlock()
	if c != nil {
		if err := c.cleanup(); err != nil {
			return nil, errdefs.ToGRPC(fmt.Errorf("prearm: %w", err))
		}
	}
	return resp, nil
}
