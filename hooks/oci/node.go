package oci

import (
	"errors"
	"fmt"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/hooks"
	"github.com/prearm/prearm/hooks/fault"
	"github.com/prearm/prearm/profiles"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/rootfs"
)

// createRuntime runs after the container's mounts are in place and before its
// root is. It has the last word on the start: any error refuses it.
func createRuntime(b *hooks.Bundle, pid int) error {
	order, err := b.ReadOrder()
	if err != nil {
		return err
	}
	if pid <= 0 {
		return fmt.Errorf("OCI state has no pid for container %s", order.ID)
	}
	fault.At(order.State, "recheck")
	if err := recheck(pid, order); err != nil {
		return err
	}
	if order.Network == nil {
		return nil
	}
	return node{order}.arm(pid, b)
}

// undo takes back what the start of the bundle's container changed.
func undo(b *hooks.Bundle) error {
	return b.Undo(func(order *hooks.Order, c hooks.Change) error { return node{order}.undo(c) })
}

// recheck compares how the policies' paths resolve now, with every volume
// mounted, with what the plan was compiled for.
func recheck(pid int, order *hooks.Order) (err error) {
	if len(order.Paths) == 0 {
		return nil
	}
	root, err := rootfs.New(fmt.Sprintf("/proc/%d/root%s", pid, order.Rootfs), nil)
	if err != nil {
		return fmt.Errorf("checking the policies' paths: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	return translate.Recheck(order.Paths, root)
}

// node makes and undoes one container's changes.
type node struct {
	order *hooks.Order
}

// arm puts the ruleset into the node's map and attaches the programs to the
// container's cgroup.
func (n node) arm(pid int, journal *hooks.Bundle) (err error) {
	o := n.order
	digest, err := bpf.ParseDigest(o.Digest)
	if err != nil {
		return err
	}
	cgroup, err := bpf.CgroupOf(pid)
	if err != nil {
		return fmt.Errorf("network rules: %w", err)
	}
	programs, err := bpf.Open(o.BPFFS)
	if err != nil {
		return fmt.Errorf("network rules: %w", err)
	}
	defer func() { err = errors.Join(err, programs.Close()) }()

	fault.At(o.State, "ruleset")
	if err := journal.Record(hooks.Change{Kind: hooks.Ruleset, Name: o.Digest}); err != nil {
		return err
	}
	put := func() error { return programs.PutRuleset(digest, o.Network) }
	if err := hooks.ClaimsIn(o.State).Hold(hooks.Ruleset, o.Digest, o.Container, put); err != nil {
		return fmt.Errorf("network rules: %w", err)
	}
	fault.At(o.State, "attach")
	if err := journal.Record(hooks.Change{Kind: hooks.Links, Name: o.Container}); err != nil {
		return err
	}
	if err := programs.Attach(o.Container, cgroup, digest); err != nil {
		return fmt.Errorf("network rules: %w", err)
	}
	fault.At(o.State, "armed")
	return nil
}

// undo takes back one change; it accepts one that never happened.
func (n node) undo(c hooks.Change) error {
	o := n.order
	claims := hooks.ClaimsIn(o.State)
	switch c.Kind {
	case hooks.Profile:
		return claims.Release(c.Kind, c.Name, o.Container, func() error {
			kernel, err := profiles.OpenAppArmor(o.Cache)
			if err != nil {
				return err
			}
			return kernel.Remove(c.Name)
		})
	case hooks.Ruleset:
		return claims.Release(c.Kind, c.Name, o.Container, func() error {
			return n.withPrograms(func(programs *bpf.Node) error {
				digest, err := bpf.ParseDigest(c.Name)
				if err != nil {
					return err
				}
				return programs.DropRuleset(digest)
			})
		})
	case hooks.Links:
		return n.withPrograms(func(programs *bpf.Node) error { return programs.Detach(c.Name) })
	}
	return fmt.Errorf("this prearm-hook knows no change of kind %q", c.Kind)
}

// withPrograms calls do with the pinned programs; if there are none, nothing
// of theirs is left to undo.
func (n node) withPrograms(do func(*bpf.Node) error) (err error) {
	programs, err := bpf.OpenPinned(n.order.BPFFS)
	if errors.Is(err, bpf.ErrNotPinned) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, programs.Close()) }()
	return do(programs)
}
