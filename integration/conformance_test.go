//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prearm/prearm/hooks/host"
	"github.com/prearm/prearm/integration/conformance"
	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/shim/config"
	"github.com/prearm/prearm/translate/rootfs"
)

// conformer performs the rows of the conformance table.
type conformer struct {
	*node
	image  string
	target conformance.Target
	audit  *AuditLog // nil without AppArmor
	nodes  map[policy.Action]*node
	free   map[string]outcome // of each row without policies, by marker
}

// TestConformance performs every row of the language on this kernel: without a
// policy the access succeeds, and under its policy it ends as the model says,
// or as a residual that its rules declare. With PREARM_CONFORMANCE set, the
// verdicts are written to that file, for the table.
func TestConformance(t *testing.T) {
	began := time.Now()
	c := newConformer(t)
	cases := conformance.Cases()
	c.makeImage(cases)
	packs, err := conformance.MakePacks(cases, c.target)
	c.must(err)
	c.write(packs)
	t.Logf("%d rows of %d cases in %d packs, after %v", len(conformance.Rows(cases)), len(cases), len(packs), time.Since(began))
	c.free, err = c.perform(c.Container(c.image).unprotected(), packs...)
	c.must(err)
	t.Logf("performed without policies, after %v", time.Since(began))

	seen := make(conformance.Results)
	failures := make(map[string][]string) // by group
	excuses := make(map[string]int)
	for i, p := range packs {
		expected, err := p.Expect(c.target)
		c.must(err)
		got, alerted, err := c.enforce(i, p)
		if err != nil {
			t.Errorf("pack %d, of %q and others: %v", i, p.Cases[0].Rows()[0].ID(), err)
			continue
		}
		for _, e := range expected {
			observed, wrong := c.compare(e, got, alerted)
			seen[e.ID()] = observed
			if observed.Residual != "" {
				excuses[observed.Residual]++
			}
			if wrong != "" {
				failures[e.Group] = append(failures[e.Group], fmt.Sprintf("%s: %s (case %d, pack %d)\n%s",
					e.ID(), wrong, e.Number, i, strings.Join(alerted[e.Marker()].records, "\n")))
			}
		}
		t.Logf("pack %d: %d rows, after %v", i, len(expected), time.Since(began))
	}
	for id, count := range excuses {
		t.Logf("%s explains %d rows", id, count)
	}
	var groups []string
	for _, k := range cases {
		if !slices.Contains(groups, k.Group) {
			groups = append(groups, k.Group)
		}
	}
	for _, group := range groups {
		t.Run(group, func(t *testing.T) {
			for _, f := range failures[group] {
				t.Error(f)
			}
		})
	}
	if file := os.Getenv("PREARM_CONFORMANCE"); file != "" {
		c.must(seen.Write(file))
	}
}

func newConformer(t *testing.T) *conformer {
	c := &conformer{node: newNode(t), nodes: make(map[policy.Action]*node)}
	for posture, word := range map[policy.Action]string{policy.Block: "block", policy.Audit: "audit"} {
		c.nodes[posture] = newNode(t, fmt.Sprintf("[posture]\nfile = %q\nnetwork = %q\ncapabilities = %q", word, word, word))
	}
	c.target = conformance.Target{Host: host.Probe(&config.Config{BPFFS: c.BPFFS, State: c.State}), Enforcer: c.Enforcer}
	if c.AppArmor {
		var err error
		c.audit, err = OpenAuditLog()
		c.must(err)
		t.Cleanup(func() { c.check(c.audit.Close()) })
	}
	return c
}

func (c *conformer) makeImage(cases []*conformance.Case) {
	c.image = filepath.Join(c.Scratch, "images/conformance")
	c.must(os.MkdirAll(c.image, 0o755))
	c.Cleanup(func() { c.check(os.RemoveAll(c.image)) })
	c.must(conformance.WriteImage(c.image, filepath.Join(c.Fixture, "actor"), filepath.Join(c.Fixture, "nothing"), cases))
	var err error
	c.target.Root, err = rootfs.New(c.image, nil)
	c.must(err)
	c.Cleanup(func() { c.target.Root.Close() })
}

// write puts the policies of all packs in force, each for containers with a
// label of its own.
func (c *conformer) write(packs []*conformance.Pack) {
	for i, p := range packs {
		n := c.nodes[p.Posture]
		documents, err := p.Documents(n.Namespace, packLabel(i))
		c.must(err)
		for _, d := range documents {
			n.file(d.Name, d.Text)
		}
	}
}

func packLabel(i int) string { return fmt.Sprintf("p%d", i) }

// compare judges one row.
func (c *conformer) compare(e conformance.Expectation, got map[string]outcome, alerted map[string]alerts) (o conformance.Observation, wrong string) {
	if got == nil {
		return conformance.Observation{Verdict: conformance.Refused}, ""
	}
	free, ok := c.free[e.Marker()]
	if !ok || free.errno != 0 {
		return o, fmt.Sprintf("without the policy it fails (%s: %v)", free.stage, free.errno)
	}
	end, ok := got[e.Marker()]
	switch {
	case !ok:
		return o, "the actor says nothing of it"
	case end.errno == 0 && alerted[e.Marker()].alerted:
		o.Verdict = policy.Audit
	case end.errno == 0:
		o.Verdict = policy.Allow
	case end.stage == "act" && e.Access.Denied(end.errno):
		o.Verdict = policy.Block
	case end.stage == "act" && end.errno == conformance.Killed:
		o.Verdict = policy.Block // if a residual says so
		if o.Residual, ok = e.Explain(conformance.Ended); !ok {
			return o, "the program ends before it begins"
		}
		return o, ""
	default:
		return o, fmt.Sprintf("it fails (%s: %v), which is no denial", end.stage, end.errno)
	}
	if o.Verdict == e.Verdict {
		if o.Verdict == policy.Block && !alerted[e.Marker()].alerted && !e.Silent {
			return o, "it is denied without an alert"
		}
		return o, ""
	}
	if o.Residual, ok = e.Explain(o.Verdict); !ok {
		return o, fmt.Sprintf("it is %s, want %s (declared: %s)", o.Verdict, e.Verdict, strings.Join(e.Residuals, ", "))
	}
	return o, ""
}
