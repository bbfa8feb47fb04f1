package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/profiles/base"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/model"
	"github.com/prearm/prearm/translate/rootfs"
)

// maxWeight bounds what is in force in one container. More rules a container
// are fewer starts, but the time for a profile grows faster than they do, and
// on an emulated machine it is bounded.
const maxWeight = 120

// weight estimates the time for a profile: each source has a part of its own,
// and for posture audit all must be printed that no rule names.
func weight(rules []model.Rule, posture policy.Action) int {
	sources := make(map[string]bool)
	for _, r := range rules {
		for _, s := range r.Sources {
			sources[s] = true
		}
	}
	w := len(rules) * (2 + len(sources))
	if posture == policy.Audit {
		w *= 4
	}
	return w
}

// Pack is the cases of one container. All have one posture, and by the model
// each row's verdict is the one that it has alone.
type Pack struct {
	Cases   []*Case
	Rules   []policy.Rule // of the cases, and what the actor itself needs
	Posture policy.Action
	// Refused are the texts of the rules that the host cannot enforce. With
	// any, the pack's container must not start.
	Refused []string

	resolved []model.Rule
}

// maxRefused is how many refused rules the error of a start names.
const maxRefused = 10

// question is what the model is asked about a row, and its answer.
type question struct {
	accesses []model.Access
	verdict  policy.Action
}

// compiled is a case alone: its rules resolved, and its rows' verdicts.
type compiled struct {
	*Case
	resolved []model.Rule
	rows     []question
	refused  []string
}

// Target is what rules are compiled for.
type Target struct {
	Host     translate.Host
	Enforcer string       // the node's setting
	Root     *rootfs.Root // of the image that WriteImage has made
}

func (t Target) compile(rules []policy.Rule, posture policy.Action) (*translate.Plan, error) {
	return translate.Compile(translate.Input{
		Rules: rules, Posture: postures(posture), Host: t.Host, Enforcer: t.Enforcer, Root: t.Root,
	})
}

// MakePacks divides the cases into packs. Cases with a rule that the target
// refuses come in packs of their own.
func MakePacks(cases []*Case, target Target) ([]*Pack, error) {
	// What concerns all of a container finds room first.
	order := slices.Clone(cases)
	slices.SortStableFunc(order, func(x, y *Case) int { return strings.Compare(x.sphere(), y.sphere()) })
	var packs []*Pack
	decided := make(map[*Pack][]question)
	for _, c := range order {
		alone, err := compileCase(c, target)
		if err != nil {
			return nil, fmt.Errorf("case %d (%s): %w", c.Number, c.policy(), err)
		}
		var into *Pack
		for _, p := range packs {
			if p.fits(alone, decided[p]) {
				into = p
				break
			}
		}
		if into == nil {
			into = &Pack{Posture: c.Posture}
			packs = append(packs, into)
		}
		into.add(alone)
		decided[into] = append(decided[into], alone.rows...)
	}
	for _, p := range packs {
		p.admitActor()
	}
	return packs, nil
}

func compileCase(c *Case, target Target) (compiled, error) {
	alone := compiled{Case: c}
	plan, err := target.compile(c.rules, c.Posture)
	if err != nil {
		return alone, err
	}
	alone.resolved = plan.Resolved
	for _, coverage := range plan.Coverage {
		if coverage.Unenforceable != "" {
			alone.refused = append(alone.refused, coverage.Address)
		}
	}
	set := model.New(plan.Resolved, plan.Posture, base.Files()...)
	for _, r := range c.Rows() {
		accesses := r.judged()
		alone.rows = append(alone.rows, question{accesses, decide(set, accesses)})
	}
	return alone, nil
}

func postures(action policy.Action) policy.Posture {
	return policy.Posture{File: action, Network: action, Capabilities: action}
}

// decide is the model's verdict on a row: the strictest of its accesses'.
func decide(set *model.Set, accesses []model.Access) policy.Action {
	order := []policy.Action{policy.Allow, policy.Audit, policy.Block}
	strictest := 0
	for _, access := range accesses {
		strictest = max(strictest, slices.Index(order, set.Decide(access).Action))
	}
	return order[strictest]
}

// sphere sorts cases by what else their rules change in a container. Rules on
// capabilities and system calls stay apart from others: what is lost with one
// changes what happens to paths and sockets in ways that no rule speaks of.
func (c *Case) sphere() string {
	sphere := "c: paths"
	for _, r := range c.rules {
		switch {
		case r.Class == policy.Capabilities, r.Class == policy.Syscalls:
			return "a: capabilities"
		case r.Class == policy.Network && len(r.Sources) == 0:
			sphere = "b: network"
		}
	}
	return sphere
}

// fits says whether the case can join the pack: no verdict changes, of the
// pack's rows or the case's.
func (p *Pack) fits(c compiled, rows []question) bool {
	switch {
	case p.Posture != c.Posture, (len(p.Refused) > 0) != (len(c.refused) > 0):
		return false
	case len(c.refused) > 0: // nothing is tried
		return len(p.Refused)+len(c.refused) <= maxRefused
	case (p.Cases[0].sphere() == "a: capabilities") != (c.sphere() == "a: capabilities"):
		return false
	}
	rules := slices.Concat(p.resolved, c.resolved)
	if weight(rules, p.Posture) > maxWeight || readsApart(rules) {
		return false
	}
	set := model.New(rules, postures(p.Posture), base.Files()...)
	for _, q := range slices.Concat(c.rows, rows) {
		if decide(set, q.accesses) != q.verdict {
			return false
		}
	}
	return true
}

// readsApart says whether what sources execute would run under another list
// of files to read: a residual of sources, which has a case of its own.
func readsApart(rules []model.Rule) bool {
	listed, sourced := false, false
	for _, r := range rules {
		sourced = sourced || len(r.Sources) > 0
		listed = listed || r.Class == policy.File && r.Action == policy.Allow && len(r.Sources) == 0
	}
	return listed && sourced
}

func (p *Pack) add(c compiled) {
	p.Cases = append(p.Cases, c.Case)
	p.Rules = append(p.Rules, c.rules...)
	p.resolved = append(p.resolved, c.resolved...)
	p.Refused = append(p.Refused, c.refused...)
}

// admitActor lets the actor, and the sources that it becomes, run where only
// listed programs may.
func (p *Pack) admitActor() {
	for _, tier := range []policy.Tier{policy.Cluster, policy.Namespaced} {
		listed := slices.ContainsFunc(p.Rules, func(r policy.Rule) bool {
			return r.Tier == tier && r.Class == policy.Process && r.Action == policy.Allow && len(r.Sources) == 0
		})
		if !listed {
			continue
		}
		allow := func(name string) {
			p.Rules = append(p.Rules, policy.Rule{Tier: tier, Class: policy.Process, Action: policy.Allow, Severity: 1, Address: "the actor", Message: "the actor",
				Object: policy.Object{Kind: policy.Path, Name: name}})
		}
		allow(Actor)
		for _, c := range p.Cases {
			for _, a := range c.Accesses {
				if a.Source != "" {
					allow(c.expand(a.Source))
				}
			}
		}
	}
}

// Items are the pack's rows as the actor reads them.
func (p *Pack) Items() []string {
	var items []string
	for _, r := range Rows(p.Cases) {
		items = append(items, r.Item())
	}
	return items
}
