// Package undo takes back what the start of a container changed on its node.
package undo

import (
	"errors"
	"fmt"
	"time"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/hooks"
	"github.com/prearm/prearm/profiles"
)

// Container undoes the changes in the journal of the container's bundle, the
// last one first. What was undone before, or never happened, is no error; nor
// is a bundle in which nothing was begun.
func Container(bundle string) (err error) {
	if !hooks.Pending(bundle) {
		return nil
	}
	b, err := hooks.Open(bundle)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	return b.Undo(change)
}

// Limit is a bound for Within.
const Limit = 60 * time.Second

// Within is Container with a bound on its time: a hook that hangs has the
// bundle's lock, and must not hang the clean-up too.
func Within(limit time.Duration, bundle string) error {
	done := make(chan error, 1)
	go func() { done <- Container(bundle) }()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("undo: %w", err)
		}
		return nil
	case <-time.After(limit):
		return fmt.Errorf("undo: not done after %s; another process has the lock of %s", limit, bundle)
	}
}

// change takes back one change.
func change(o *hooks.Order, c hooks.Change) error {
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
			return withPrograms(o.BPFFS, func(programs *bpf.Node) error {
				digest, err := bpf.ParseDigest(c.Name)
				if err != nil {
					return err
				}
				return programs.DropRuleset(digest)
			})
		})
	case hooks.Links:
		return withPrograms(o.BPFFS, func(programs *bpf.Node) error { return programs.Detach(c.Name) })
	case hooks.GuardRuleset:
		return claims.Release(c.Kind, c.Name, o.Container, func() error {
			return withGuard(o.BPFFS, func(guard *bpf.Guard) error {
				digest, err := bpf.ParseDigest(c.Name)
				if err != nil {
					return err
				}
				return guard.DropImage(digest)
			})
		})
	case hooks.GuardContainer:
		return withGuard(o.BPFFS, func(guard *bpf.Guard) error { return guard.Disarm(c.Name) })
	}
	return fmt.Errorf("this version of prearm knows no change of kind %q", c.Kind)
}

// withGuard calls do with the guard pinned in bpffs, in the same way.
func withGuard(bpffs string, do func(*bpf.Guard) error) error {
	guard, err := bpf.PinnedGuard(bpffs)
	if errors.Is(err, bpf.ErrNotPinned) {
		return nil
	}
	if err != nil {
		return err
	}
	return do(guard)
}

// withPrograms calls do with the programs pinned in bpffs; if there are none,
// nothing of theirs is left to undo.
func withPrograms(bpffs string, do func(*bpf.Node) error) (err error) {
	programs, err := bpf.OpenPinned(bpffs)
	if errors.Is(err, bpf.ErrNotPinned) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, programs.Close()) }()
	return do(programs)
}
