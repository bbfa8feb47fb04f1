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
		Hook:      s.hook,
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
	return hooks.ClaimsIn(s.cfg.State).Hold(hooks.Profile, plan.AppArmor.Name, order.Container, func() error {
		kernel, err := profiles.OpenAppArmor(s.cfg.Cache)
		if err != nil {
			return err
		}
		return kernel.Load(ctx, runner{parserTimeout}, *plan.AppArmor)
	})
}

// rewriteSpec puts the plan and the hooks into config.json.
func (s *start) rewriteSpec(context.Context) error {
	if err := profiles.Apply(&s.spec.Spec, s.container.plan); err != nil {
		return err
	}
	s.addHooks()
	return s.spec.write()
}

// addHooks adds those hooks that have something to do: each costs the start
// of a process.
func (s *start) addHooks() {
	plan, timeout := s.container.plan, hookTimeout
	hook := func(stage string) specs.Hook {
		return specs.Hook{Path: s.hook, Args: []string{"prearm-hook", stage}, Timeout: &timeout}
	}
	if s.spec.Hooks == nil {
		s.spec.Hooks = &specs.Hooks{}
	}
	// Ours comes last at the start and first at the end, so that no other
	// hook changes a container after it was checked.
	if len(plan.Paths) > 0 || plan.Network != nil {
		s.spec.Hooks.CreateRuntime = append(s.spec.Hooks.CreateRuntime, hook(hooks.CreateRuntime))
	}
	if plan.AppArmor != nil || plan.Network != nil {
		s.spec.Hooks.Poststop = append([]specs.Hook{hook(hooks.Poststop)}, s.spec.Hooks.Poststop...)
	}
}
