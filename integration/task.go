//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	containersapi "github.com/containerd/containerd/api/services/containers/v1"
	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Result is how a process ended.
type Result struct {
	Exit           int // its exit status, 128 plus the signal if one ended it
	Stdout, Stderr string
}

// Refusal is a start that containerd answered with an error.
type Refusal struct {
	Step string // create, start or exec
	Err  error
}

func (r *Refusal) Error() string { return r.Step + ": " + r.Message() }
func (r *Refusal) Unwrap() error { return r.Err }

// Message is the error as ctr prints it, after its own "ctr: ".
func (r *Refusal) Message() string {
	if s, ok := status.FromError(r.Err); ok {
		return s.Message()
	}
	return r.Err.Error()
}

// Task is a container that containerd has created.
type Task struct {
	Container
	Pid  int // the first process, in the host's numbers
	Spec *specs.Spec

	daemon  *Daemon
	layer   *layer
	stdio   *stdio
	deleted bool
}

// Create makes a container and its first process, which waits to be started.
// If the error is a Refusal, nothing of the container is left with containerd.
func (d *Daemon) Create(ctx context.Context, c Container) (_ *Task, err error) {
	if c.ID == "" {
		c.ID = fmt.Sprintf("c%d", d.serial.Add(1))
	}
	if c.Namespace == "" {
		c.Namespace = "integration"
	}
	if c.Runtime == "" {
		c.Runtime = Prearm
	}
	t := &Task{Container: c, daemon: d}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.remove(ctx))
		}
	}()
	if err := t.record(ctx); err != nil {
		return nil, err
	}
	if t.layer, err = newLayer(t.dir("layer"), c.Root); err != nil {
		return nil, err
	}
	if t.stdio, err = newStdio(ctx, t.dir("stdio")); err != nil {
		return nil, err
	}
	resp, err := d.tasks.Create(t.in(ctx), &tasksapi.CreateTaskRequest{
		ContainerID: c.ID,
		Rootfs:      []*types.Mount{{Type: "overlay", Source: "overlay", Options: t.layer.options()}},
		Stdout:      t.stdio.stdout.path,
		Stderr:      t.stdio.stderr.path,
	})
	if err != nil {
		return nil, &Refusal{Step: "create", Err: err}
	}
	t.Pid = int(resp.Pid)
	return t, nil
}

// record tells containerd of the container.
func (t *Task) record(ctx context.Context) error {
	options, err := t.options()
	if err != nil {
		return err
	}
	if t.Spec, err = t.spec(ctx); err != nil {
		return err
	}
	spec, err := asAny("Spec", t.Spec)
	if err != nil {
		return err
	}
	_, err = t.daemon.containers.Create(t.in(ctx), &containersapi.CreateContainerRequest{
		Container: &containersapi.Container{
			ID:      t.ID,
			Labels:  t.Labels,
			Runtime: &containersapi.Container_Runtime{Name: t.Runtime, Options: options},
			Spec:    spec,
		},
	})
	if err != nil {
		return fmt.Errorf("record container %s: %w", t.ID, err)
	}
	return nil
}

// Start runs the first process.
func (t *Task) Start(ctx context.Context) error {
	_, err := t.daemon.tasks.Start(t.in(ctx), &tasksapi.StartRequest{ContainerID: t.ID})
	if err != nil {
		return &Refusal{Step: "start", Err: err}
	}
	return nil
}

// Kill ends every process of the container.
func (t *Task) Kill(ctx context.Context) error {
	_, err := t.daemon.tasks.Kill(t.in(ctx), &tasksapi.KillRequest{ContainerID: t.ID, Signal: uint32(unix.SIGKILL), All: true})
	if err != nil && status.Code(err) != codes.NotFound {
		return fmt.Errorf("kill container %s: %w", t.ID, err)
	}
	return nil
}

// Wait returns how the first process ended.
func (t *Task) Wait(ctx context.Context) (Result, error) {
	resp, err := t.daemon.tasks.Wait(t.in(ctx), &tasksapi.WaitRequest{ContainerID: t.ID})
	if err != nil {
		return Result{}, fmt.Errorf("wait for container %s: %w", t.ID, err)
	}
	stdout, stderr, err := t.stdio.finish(ctx, true)
	t.stdio = nil
	return Result{Exit: int(resp.ExitStatus), Stdout: stdout, Stderr: stderr}, err
}

// Delete ends the container, if it still runs, and removes all of it. The
// second time it does nothing.
func (t *Task) Delete(ctx context.Context) error {
	if t.deleted {
		return nil
	}
	t.deleted = true
	ctx = context.WithoutCancel(ctx)
	// Also one that was never started: its output is open, and a shim waits
	// for seconds for that to end.
	if err := t.Kill(ctx); err != nil {
		return err
	}
	if _, err := t.daemon.tasks.Wait(t.in(ctx), &tasksapi.WaitRequest{ContainerID: t.ID}); err != nil && status.Code(err) != codes.NotFound {
		return fmt.Errorf("wait for container %s: %w", t.ID, err)
	}
	_, err := t.daemon.tasks.Delete(t.in(ctx), &tasksapi.DeleteTaskRequest{ContainerID: t.ID})
	if err != nil {
		return errors.Join(fmt.Errorf("delete the task of %s: %w", t.ID, err), t.remove(ctx))
	}
	return t.remove(ctx)
}

// remove takes back everything of ours that lies around the task.
func (t *Task) remove(ctx context.Context) error {
	var errs []error
	if t.stdio != nil {
		_, _, err := t.stdio.finish(ctx, false)
		errs = append(errs, err)
		t.stdio = nil
	}
	_, err := t.daemon.containers.Delete(t.in(ctx), &containersapi.DeleteContainerRequest{ID: t.ID})
	if err != nil && status.Code(err) != codes.NotFound {
		errs = append(errs, fmt.Errorf("delete container %s: %w", t.ID, err))
	}
	if t.layer != nil {
		errs = append(errs, t.layer.remove())
	}
	return errors.Join(errs...)
}

// Run starts the container and waits for its end. The error is a Refusal if
// containerd would not create or start it.
func (d *Daemon) Run(ctx context.Context, c Container) (r Result, err error) {
	t, err := d.Create(ctx, c)
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, t.Delete(ctx)) }()
	if err := t.Start(ctx); err != nil {
		return Result{}, err
	}
	return t.Wait(ctx)
}

// Exec runs another process in the container and waits for its end. The
// process asks for what the container's first one has, as ctr does; edit may
// ask for more.
func (t *Task) Exec(ctx context.Context, edit func(*specs.Process), args ...string) (r Result, err error) {
	e, err := t.StartExec(ctx, edit, args...)
	if err != nil {
		return Result{}, err
	}
	return e.Wait(ctx)
}

// Process is one that runs beside a container's first.
type Process struct {
	ID    string
	Pid   int
	task  *Task
	stdio *stdio
}

// StartExec is Exec without the waiting.
func (t *Task) StartExec(ctx context.Context, edit func(*specs.Process), args ...string) (_ *Process, err error) {
	process := *t.Spec.Process
	process.Args = args
	process.Terminal = false
	if edit != nil {
		edit(&process)
	}
	spec, err := asAny("Process", &process)
	if err != nil {
		return nil, err
	}
	p := &Process{ID: fmt.Sprintf("e%d", t.daemon.serial.Add(1)), task: t}
	if p.stdio, err = newStdio(ctx, t.dir(p.ID)); err != nil {
		return nil, err
	}
	refuse := func(err error) error {
		_, _, e := p.stdio.finish(ctx, false)
		return errors.Join(&Refusal{Step: "exec", Err: err}, e)
	}
	_, err = t.daemon.tasks.Exec(t.in(ctx), &tasksapi.ExecProcessRequest{
		ContainerID: t.ID,
		ExecID:      p.ID,
		Stdout:      p.stdio.stdout.path,
		Stderr:      p.stdio.stderr.path,
		Spec:        spec,
	})
	if err != nil {
		return nil, refuse(err)
	}
	resp, err := t.daemon.tasks.Start(t.in(ctx), &tasksapi.StartRequest{ContainerID: t.ID, ExecID: p.ID})
	if err != nil {
		return nil, errors.Join(refuse(err), p.forget(ctx))
	}
	p.Pid = int(resp.Pid)
	return p, nil
}

// Wait returns how the process ended and forgets it.
func (p *Process) Wait(ctx context.Context) (Result, error) {
	resp, err := p.task.daemon.tasks.Wait(p.task.in(ctx), &tasksapi.WaitRequest{ContainerID: p.task.ID, ExecID: p.ID})
	if err != nil {
		return Result{}, fmt.Errorf("wait for %s in %s: %w", p.ID, p.task.ID, err)
	}
	stdout, stderr, err := p.stdio.finish(ctx, true)
	return Result{Exit: int(resp.ExitStatus), Stdout: stdout, Stderr: stderr}, errors.Join(err, p.forget(ctx))
}

func (p *Process) forget(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	_, err := p.task.daemon.tasks.DeleteProcess(p.task.in(ctx), &tasksapi.DeleteProcessRequest{ContainerID: p.task.ID, ExecID: p.ID})
	if err != nil && status.Code(err) != codes.NotFound {
		return fmt.Errorf("forget %s in %s: %w", p.ID, p.task.ID, err)
	}
	return nil
}

func (t *Task) in(ctx context.Context) context.Context { return in(ctx, t.Namespace) }

func (t *Task) dir(name string) string {
	return filepath.Join(t.daemon.Scratch, "tests", t.Namespace, t.ID, name)
}
