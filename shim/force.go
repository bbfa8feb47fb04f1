package shim

import (
	"context"
	"errors"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/prearm/prearm/hooks"
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
	order := &hooks.Order{
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
	if err := b.WriteOrder(order); err != nil {
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
	order.Profile = s.container.profile
	return b.WriteOrder(order)
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
	if len(plan.Paths) == 0 && plan.Network == nil {
		return
	}
	if s.spec.Hooks == nil {
		s.spec.Hooks = &specs.Hooks{}
	}
	s.spec.Hooks.CreateRuntime = append(s.spec.Hooks.CreateRuntime, specs.Hook{
		Path: s.hook, Args: []string{"prearm-hook", hooks.CreateRuntime}, Timeout: &timeout,
	})
}
