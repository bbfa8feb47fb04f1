package shim

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/hooks"
	"github.com/prearm/prearm/hooks/image"
	"github.com/prearm/prearm/profiles"
)

// loadProfile writes the order, from which everything that follows can be
// undone, and brings the AppArmor profile into the kernel.
func (s *start) loadProfile(ctx context.Context) (err error) {
	plan := s.container.plan
	b, err := hooks.Create(s.req.Bundle)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	s.order = &hooks.Order{
		Container: hooks.Key(s.req.Bundle),
		ID:        s.req.ID,
		Digest:    plan.Digest,
		Rootfs:    s.rootfs,
		Paths:     plan.Paths,
		Network:   plan.Network,
		State:     s.cfg.State,
		Cache:     s.cfg.Cache,
		BPFFS:     s.cfg.BPFFS,
	}
	if err := b.WriteOrder(s.order); err != nil {
		return err
	}
	if plan.AppArmor == nil {
		return nil
	}
	if err := b.Record(hooks.Change{Kind: hooks.Profile, Name: plan.AppArmor.Name}); err != nil {
		return err
	}
	err = hooks.ClaimsIn(s.cfg.State).Hold(hooks.Profile, plan.AppArmor.Name, s.req.Bundle, func() error {
		kernel, err := profiles.OpenAppArmor(s.cfg.Cache)
		if err != nil {
			return err
		}
		if err := kernel.Load(ctx, runner{parserTimeout}, *plan.AppArmor); err != nil {
			return err
		}
		s.container.profile, err = kernel.Instance(plan.AppArmor.Name)
		return err
	})
	if err != nil {
		return err
	}
	s.order.Profile = s.container.profile
	return b.WriteOrder(s.order)
}

// putImage brings the guard's ruleset into the kernel, and the guard itself if
// it is not there. The hook puts the container under it.
func (s *start) putImage(context.Context) (err error) {
	plan := s.container.plan
	if plan.Guard == nil {
		return nil
	}
	guard, err := s.openGuard()
	if err != nil {
		return err
	}
	b, err := hooks.Open(s.req.Bundle)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if s.order.Guard, err = image.Put(b, s.order, plan, guard); err != nil {
		return err
	}
	s.order.Guard.AdmitFirst = s.cfg.AllowEntrypoint
	s.container.guarded = true
	return b.WriteOrder(s.order)
}

// openGuard has prearm load the guard if it is not pinned, in a process of its
// own: what it takes is not the shim's to keep.
func (s *start) openGuard() (*bpf.Guard, error) {
	guard, err := bpf.PinnedGuard(s.cfg.BPFFS)
	if err == nil && guard.Ready() {
		return guard, nil
	}
	if err != nil && !errors.Is(err, bpf.ErrNotPinned) {
		return nil, err
	}
	prearm, err := s.cfg.PrearmPath()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(prearm, "bpf", "load", "--guard", "--bpffs", s.cfg.BPFFS)
	if err := (runner{guardTimeout}).Run(cmd); err != nil {
		return nil, fmt.Errorf("loading the guard: %w", err)
	}
	if guard, err = bpf.PinnedGuard(s.cfg.BPFFS); err == nil && !guard.Ready() {
		err = fmt.Errorf("%s is of another release than this shim: install both from one package", prearm)
	}
	return guard, err
}

// rewriteSpec puts the plan and the hooks into config.json.
func (s *start) rewriteSpec(context.Context) error {
	if err := profiles.Apply(&s.spec.Spec, s.container.plan, s.program); err != nil {
		return err
	}
	s.addHook()
	return s.spec.write()
}

// addHook adds the hook if it has something to do, for it costs the start of a
// process. It comes last, so that no other hook changes a container after it
// was checked.
func (s *start) addHook() {
	plan, timeout := s.container.plan, hookTimeout
	if len(plan.Paths) == 0 && plan.Network == nil && plan.Guard == nil {
		return
	}
	if s.spec.Hooks == nil {
		s.spec.Hooks = &specs.Hooks{}
	}
	s.spec.Hooks.CreateRuntime = append(s.spec.Hooks.CreateRuntime, specs.Hook{
		Path: s.hook, Args: []string{"prearm-hook", hooks.CreateRuntime}, Timeout: &timeout,
	})
}
