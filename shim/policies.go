package shim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/store"
)

// openPolicies opens the node's index. Whether it is up to date is found out
// meanwhile, at the latest while containerd is asked for labels.
func (s *start) openPolicies(context.Context) (err error) {
	if s.policies != nil { // begun before Create came
		return nil
	}
	s.policies, err = store.Begin(s.cfg.Policies, s.cfg.IndexPath())
	if errors.Is(err, store.ErrStale) {
		err = s.reindex()
	}
	return err
}

// selectRules finds the rules in the index. If the policies have changed, it
// has prearm index them anew.
func (s *start) selectRules(context.Context) (err error) {
	s.selection, err = s.policies.Select(s.subject)
	if stale := s.policies.Verify(); stale != nil {
		err = stale
	}
	if !errors.Is(err, store.ErrStale) {
		return err
	}
	if err := s.reindex(); err != nil {
		return err
	}
	s.selection, err = s.policies.Select(s.subject)
	return err
}

// reindex has prearm read the policies anew, in a process of its own: reading
// YAML from hostile hands is not the shim's to do.
func (s *start) reindex() error {
	if s.policies != nil {
		if err := s.policies.Close(); err != nil {
			return err
		}
		s.policies = nil
	}
	prearm, err := s.cfg.PrearmPath()
	if err != nil {
		return err
	}
	for range indexTries {
		cmd := exec.Command(prearm, "index", "--quiet", "--policies", s.cfg.Policies, "--index", s.cfg.IndexPath())
		if err := (runner{indexTimeout}).Run(cmd); err != nil {
			return fmt.Errorf("indexing %s: %w", s.cfg.Policies, err)
		}
		s.policies, err = store.Open(s.cfg.Policies, s.cfg.IndexPath())
		if !errors.Is(err, store.ErrStale) {
			return err
		}
	}
	return fmt.Errorf("the policies kept changing while they were indexed: %w", err)
}

// posture is the node's where the namespace has none of its own.
func posture(node, ns policy.Posture) policy.Posture {
	return policy.Posture{
		File:         cmp.Or(ns.File, node.File),
		Network:      cmp.Or(ns.Network, node.Network),
		Capabilities: cmp.Or(ns.Capabilities, node.Capabilities),
	}
}
