package oci

import (
	"errors"
	"fmt"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/hooks"
	"github.com/prearm/prearm/hooks/fault"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/rootfs"
)

// CreateRuntime does what the bundle's order says for the container whose first
// task is pid, after its mounts are in place and before its root is. It has the
// last word on the start: any error refuses it.
func CreateRuntime(b *hooks.Bundle, pid int) error {
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
	if order.Network == nil && order.Guard == nil {
		return nil
	}
	cgroup, err := bpf.CgroupOf(pid)
	if err != nil {
		return fmt.Errorf("the container's cgroup: %w", err)
	}
	n := node{order: order, journal: b, cgroup: cgroup}
	if order.Network != nil {
		if err := n.arm(); err != nil {
			return fmt.Errorf("network rules: %w", err)
		}
	}
	if order.Guard != nil {
		if err := n.guard(pid); err != nil {
			return fmt.Errorf("guard: %w", err)
		}
	}
	fault.At(order.State, "armed")
	return nil
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

// node makes one container's changes.
type node struct {
	order   *hooks.Order
	journal *hooks.Bundle
	cgroup  string
}

// arm puts the ruleset into the node's map and attaches the programs to the
// container's cgroup.
func (n node) arm() (err error) {
	o := n.order
	digest, err := bpf.ParseDigest(o.Digest)
	if err != nil {
		return err
	}
	programs, err := bpf.Open(o.BPFFS)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, programs.Close()) }()

	fault.At(o.State, "ruleset")
	if err := n.journal.Record(hooks.Change{Kind: hooks.Ruleset, Name: o.Digest}); err != nil {
		return err
	}
	put := func() error { return programs.PutRuleset(digest, o.Network) }
	if err := hooks.ClaimsIn(o.State).Hold(hooks.Ruleset, o.Digest, n.journal.Path(), put); err != nil {
		return err
	}
	fault.At(o.State, "attach")
	if err := n.journal.Record(hooks.Change{Kind: hooks.Links, Name: o.Container}); err != nil {
		return err
	}
	return programs.Attach(o.Container, n.cgroup, digest)
}
