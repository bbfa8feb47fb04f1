package shim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	taskAPI "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/containerd/containerd/mount"
	"github.com/containerd/containerd/namespaces"
	"github.com/containerd/log"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/prearm/prearm/hooks"
	"github.com/prearm/prearm/hooks/fault"
	"github.com/prearm/prearm/hooks/host"
	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/store"
	"github.com/prearm/prearm/shim/config"
	"github.com/prearm/prearm/shim/early"
	"github.com/prearm/prearm/shim/subject"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/rootfs"
)

// start is one container's way from containerd's Create to runc's.
type start struct {
	service   *service
	req       *taskAPI.CreateTaskRequest
	container *container

	cfg       *config.Config
	options   *anypb.Any // runc's, for the wrapped service
	hook      string     // path of prearm-hook
	spec      *specFile
	subject   policy.Subject
	policies  *store.Store
	selection store.Selection
	rootfs    string // on the host
	root      *rootfs.Root
	order     *hooks.Order
	program   string // what the first process executes, in the container
	clock     stopwatch
}

func newStart(s *service, r *taskAPI.CreateTaskRequest) *start {
	return &start{service: s, req: r, container: &container{bundle: r.Bundle}}
}

// Steps are the names of a start's steps in the order that they run, the
// hook's last. Errors, a start's log line and fault injection use them.
func Steps() []string {
	return []string{"options", "index", "subject", "select", "mount", "compile", "judge", "profile", "image", "config", "recheck", "ruleset", "attach", "armed"}
}

// GuardSteps are those steps for a container that the guard holds alone, whose
// network rules are its own.
func GuardSteps() []string {
	return []string{"options", "index", "subject", "select", "mount", "compile", "judge", "profile", "image", "config", "recheck", "guard", "armed"}
}

// arm runs the steps up to runc's create. The steps after "select" are left
// out for a container that no policy applies to.
func (s *start) arm(ctx context.Context) (err error) {
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"options", s.readOptions},
		{"index", s.openPolicies},
		{"subject", s.identify},
		{"select", s.selectRules},
		{"mount", s.mountRootfs},
		{"compile", s.compile},
		{"judge", s.judge},
		{"profile", s.loadProfile},
		{"image", s.putImage},
		{"config", s.rewriteSpec},
	}
	defer func() { err = errors.Join(err, s.close()) }()
	s.clock.start()
	for _, step := range steps {
		if s.cfg != nil {
			fault.At(s.cfg.State, step.name)
		}
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("prearm: %s: %w", step.name, err)
		}
		s.clock.lap(step.name)
		if step.name == "select" && len(s.selection.Rules) == 0 {
			return nil
		}
	}
	return nil
}

// close releases what only the steps need.
func (s *start) close() error {
	var errs []error
	if s.policies != nil {
		errs = append(errs, s.policies.Close())
	}
	if s.root != nil {
		errs = append(errs, s.root.Close())
	}
	return errors.Join(errs...)
}

func (s *start) readOptions(context.Context) (err error) {
	if s.req.Checkpoint != "" {
		return fmt.Errorf("a checkpoint cannot be restored under %s: its processes never exec, so no policy could be in force before they run", Name)
	}
	p, err := s.service.takePrepared(s.req.Bundle, s.req.Options)
	if err != nil {
		return err
	}
	if p == nil {
		p = &prepared{}
		if p.spec, err = readSpec(s.req.Bundle); err != nil {
			return err
		}
		if p.cfg, p.options, err = readOptions(s.req.Options); err != nil {
			return err
		}
	}
	cfg := p.cfg
	s.cfg, s.container.cfg, s.spec, s.policies = cfg, cfg, p.spec, p.store
	if log.GetLevel() < log.DebugLevel { // containerd in debug mode wants all
		if err := log.SetLevel(cfg.LogLevel); err != nil {
			return err
		}
	}
	if s.hook, err = cfg.HookPath(); err != nil {
		return err
	}
	// Nothing is begun without it; runc would say less of what is missing.
	if err := unix.Access(s.hook, unix.X_OK); err != nil {
		return fmt.Errorf("prearm-hook: %s: %w (install it beside the shim, or name it in the configuration)", s.hook, err)
	}
	s.options, err = marshalOptions(p.options, cfg, &s.spec.Spec)
	return err
}

func (s *start) identify(ctx context.Context) (err error) {
	s.subject, err = early.Subject(s.req.Bundle)
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	ns, err := namespace(ctx)
	if err != nil {
		return err
	}
	s.subject, err = subject.Ask(ctx, subject.Query{
		Containerd: s.service.containerd, Namespace: ns, ID: s.req.ID, Annotations: s.spec.Annotations,
	})
	return err
}

// mountRootfs mounts the root file system before runc would, because the
// policies' paths are resolved in it.
func (s *start) mountRootfs(context.Context) error {
	if len(s.req.Rootfs) == 0 {
		return nil
	}
	var mounts []mount.Mount
	for _, m := range s.req.Rootfs {
		mounts = append(mounts, mount.Mount{Type: m.Type, Source: m.Source, Target: m.Target, Options: m.Options})
	}
	target := filepath.Join(s.req.Bundle, "rootfs")
	if err := os.Mkdir(target, 0o711); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	s.container.mounted = true
	if err := mount.All(mounts, target); err != nil {
		return fmt.Errorf("root file system: %w", err)
	}
	return nil
}

func (s *start) compile(context.Context) (err error) {
	if s.rootfs, err = s.spec.rootfs(s.req.Bundle); err != nil {
		return err
	}
	if s.root, err = rootfs.New(s.rootfs, s.spec.mounts(s.req.Bundle)); err != nil {
		return err
	}
	s.container.plan, err = translate.Compile(translate.Input{
		Rules:   s.selection.Rules,
		Posture: posture(s.cfg.Posture, s.selection.Posture),
		Host:    host.Probe(s.cfg),
		Root:    s.root,

		Enforcer:        s.cfg.Enforcer,
		NoNewPrivileges: s.spec.Process.NoNewPrivileges,
	})
	return err
}

// judge refuses what the plan cannot keep, and an entrypoint that the
// policies deny, while it can still be said why.
func (s *start) judge(context.Context) (err error) {
	refusals := s.container.plan.Refusals(s.cfg.OnResidual, s.cfg.OnUnenforceable)
	if len(refusals) > 0 {
		return &refusedError{refusals}
	}
	s.program, err = s.container.judge(s.root, s.spec.Process)
	return err
}

// namespace is containerd's, of the request.
func namespace(ctx context.Context) (string, error) {
	ns, err := namespaces.NamespaceRequired(ctx)
	if err != nil {
		return "", fmt.Errorf("containerd namespace: %w", err)
	}
	return ns, nil
}
