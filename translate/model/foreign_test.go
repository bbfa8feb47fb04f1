package model

import (
	"testing"

	"github.com/prearm/prearm/policy"
)

// TestForeign: of two objects of one path, only the task's own is what the
// base set, and the exception for a file that is run already, are about.
func TestForeign(t *testing.T) {
	rules := []Rule{
		{Number: 0, Tier: policy.Namespaced, Class: policy.File, Action: policy.Allow, Object: policy.Object{Kind: policy.Path, Name: "/srv"}},
		{Number: 1, Tier: policy.Namespaced, Class: policy.Process, Action: policy.Block, Object: policy.Object{Kind: policy.Path, Name: "/bin/x"}},
	}
	set := New(rules, policy.Posture{}, BaseEntry{Pattern: "/proc/[0-9]*/maps", Own: true}, BaseEntry{Pattern: "/etc/ld.so.cache"})
	for _, test := range []struct {
		access       Access
		own, foreign policy.Action
	}{
		{Access{Class: policy.File, Operation: Read, Path: "/proc/7/maps"}, policy.Allow, policy.Block},
		{Access{Class: policy.File, Operation: Read, Path: "/etc/ld.so.cache"}, policy.Allow, policy.Allow},
		{Access{Class: policy.Process, Operation: Map, Path: "/bin/x", Source: "/bin/x"}, policy.Allow, policy.Block},
		{Access{Class: policy.Process, Operation: Map, Path: "/bin/x", Source: "/bin/y"}, policy.Block, policy.Block},
	} {
		if got := set.Decide(test.access).Action; got != test.own {
			t.Errorf("%+v: %s, want %s", test.access, got, test.own)
		}
		test.access.Foreign = true
		if got := set.Decide(test.access).Action; got != test.foreign {
			t.Errorf("%+v: %s, want %s", test.access, got, test.foreign)
		}
	}
}
