package model

import (
	"testing"

	"github.com/prearm/prearm/policy"
)

// TestGround: behind a posture stands the rule that put the access under it,
// of the tier that answered.
func TestGround(t *testing.T) {
	path := func(number int, tier policy.Tier, class policy.Class, name string, sources ...string) Rule {
		return Rule{Number: number, Tier: tier, Class: class, Action: policy.Allow, Sources: sources,
			Object: policy.Object{Kind: policy.Path, Name: name}}
	}
	set := New([]Rule{
		path(0, policy.Cluster, policy.File, "/data"),
		path(1, policy.Namespaced, policy.Process, "/bin/other", "/bin/dash"),
		path(2, policy.Namespaced, policy.Process, "/bin/sleep", "/bin/bash"),
		{Number: 3, Tier: policy.Namespaced, Class: policy.Process, Action: policy.Block, Object: policy.Object{Kind: policy.Path, Name: "/bin/never"}},
	}, policy.Posture{}, BaseEntry{Pattern: "/lib/*"})
	exec := func(name, source string) Access {
		return Access{Class: policy.Process, Operation: Exec, Path: name, Source: source}
	}
	read := func(name string) Access { return Access{Class: policy.File, Operation: Read, Path: name} }
	for name, test := range map[string]struct {
		access Access
		reason Reason
		want   Ground
	}{
		"closed to others":         {exec("/bin/sleep", "/bin/zsh"), ByPosture, Ground{Rule: 2, Closed: true}},
		"a source's allow-list":    {exec("/bin/ls", "/bin/bash"), ByPosture, Ground{Rule: 2}},
		"closed to a listed one":   {exec("/bin/other", "/bin/bash"), ByPosture, Ground{Rule: 1, Closed: true}},
		"the container's":          {read("/etc/passwd"), ByPosture, Ground{Rule: 0}},
		"the base set":             {read("/lib/libc.so.6"), ByBase, Ground{Rule: 0}},
		"a rule's own answer":      {exec("/bin/never", "/bin/bash"), ByRule, Ground{Rule: -1}},
		"an Allow's own answer":    {exec("/bin/sleep", "/bin/bash"), ByRule, Ground{Rule: -1}},
		"what no rule speaks of":   {exec("/bin/ls", "/bin/zsh"), ByNothing, Ground{Rule: -1}},
		"another class is another": {Access{Class: policy.Network, Operation: Create}, ByNothing, Ground{Rule: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			v := set.Decide(test.access)
			if v.Reason != test.reason {
				t.Fatalf("decided by %s, want %s", v.Reason, test.reason)
			}
			if got := set.Ground(test.access, v); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}
