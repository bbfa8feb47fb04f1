package conformance

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/profiles/base"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/model"
)

// Refused is the verdict on a row whose container is not started, because the
// host cannot enforce a rule of its case.
const Refused policy.Action = "refused"

// Ended is what becomes of a program that may be executed and cannot run.
const Ended policy.Action = "ended"

// Killed is the errno by which the actor says so: no errno of the kernel's.
const Killed unix.Errno = 139

// Expectation is what must come of a row in its pack.
type Expectation struct {
	Row
	Verdict policy.Action // the model's
	// Residuals are those of the case's rules: the differences that are
	// declared.
	Residuals []string
	// Silent says that a denial need not be alerted on: by the mechanism of
	// the case's rules it leaves no record.
	Silent bool
}

// Expect compiles the pack as its container's start does.
func (p *Pack) Expect(target Target) ([]Expectation, error) {
	plan, err := target.compile(p.Rules, p.Posture)
	if err != nil {
		return nil, err
	}
	set := model.New(plan.Resolved, plan.Posture, base.Files()...)
	residuals, silent := make(map[string][]string), make(map[string]bool)
	for i, c := range plan.Coverage {
		if c.Unenforceable != "" && len(p.Refused) == 0 {
			return nil, fmt.Errorf("%s, which alone is enforced, is not beside others: %s", c.Address, c.Unenforceable)
		}
		number := p.Rules[i].Message
		residuals[number] = append(residuals[number], c.Residuals...)
		for _, m := range c.Mechanisms {
			silent[number] = silent[number] || m == translate.ByCapabilities || m == translate.BySeccomp
		}
	}
	var all []Expectation
	for _, r := range Rows(p.Cases) {
		number := fmt.Sprint(r.Number)
		all = append(all, Expectation{Row: r, Verdict: decide(set, r.judged()), Residuals: residuals[number], Silent: silent[number]})
	}
	return all, nil
}

// Observation is what came of a row on a kernel.
type Observation struct {
	Verdict  policy.Action
	Residual string // explains a verdict that is not the model's
}

// Explain gives the residual that accounts for a verdict other than the
// model's: one that the case's rules declare, and that is about this row.
func (e Expectation) Explain(got policy.Action) (residual string, ok bool) {
	for _, id := range e.Residuals {
		if explains := explanations()[id]; explains != nil && explains(e, got) {
			return id, true
		}
	}
	return "", false
}

// explanations say of residuals, by id, which verdicts they account for. One
// that is not here accounts for none.
func explanations() map[string]func(e Expectation, got policy.Action) bool {
	op := func(e Expectation, names ...string) bool { return slices.Contains(names, e.Access.Op) }
	changes := []string{"write", "append", "truncate", "chmod", "chown", "share"}
	return map[string]func(e Expectation, got policy.Action) bool{
		"apparmor-interpreter": func(e Expectation, got policy.Action) bool {
			return op(e, "exec") && e.Scripts[e.Access.Object] != "" && looser(got, e.Verdict)
		},
		"apparmor-exec-name": func(e Expectation, got policy.Action) bool {
			return op(e, "exec") && e.Links[e.Access.Object] != "" && looser(got, e.Verdict)
		},
		"apparmor-parent-metadata": func(e Expectation, got policy.Action) bool {
			return op(e, "mkdir", "rmdir", "chmod", "chown") && got == policy.Block && e.anyRule(func(r policy.Rule) bool {
				return r.Action == policy.Block && strings.HasPrefix(r.Object.Name+"/", e.expand(e.Access.Object)+"/")
			})
		},
		"apparmor-tamper-write": func(e Expectation, got policy.Action) bool {
			return op(e, changes...) && got == policy.Block && e.anyRule(func(r policy.Rule) bool {
				return r.Class == policy.Process && r.Object.Kind == policy.Path && r.Object.Name == e.expand(e.Access.Object)
			})
		},
		"apparmor-move-out": func(e Expectation, got policy.Action) bool {
			return op(e, "rename", "link", "unlink", "replace") && looser(got, e.Verdict) && e.anyRule(func(r policy.Rule) bool {
				return r.Class == policy.Process && (r.Object.Kind == policy.Directory || r.Object.Kind == policy.Pattern)
			})
		},
		"apparmor-outside-files": func(e Expectation, got policy.Action) bool {
			return op(e, "memfd") && got == policy.Block
		},
		"apparmor-unix-connect": func(e Expectation, got policy.Action) bool {
			return op(e, "connect") && got == policy.Allow
		},
		"apparmor-proc-self": func(e Expectation, got policy.Action) bool {
			return op(e, "read") && strings.HasPrefix(e.Access.Object, "/proc/1/") && got == policy.Allow
		},
		"apparmor-audit-pattern": func(e Expectation, got policy.Action) bool {
			return e.Verdict == policy.Allow && got == policy.Audit && e.anyRule(func(r policy.Rule) bool {
				return r.Object.Kind == policy.Pattern
			})
		},
		"apparmor-audit-base": func(e Expectation, got policy.Action) bool {
			object := e.Access.Object
			return op(e, "read") && (strings.HasPrefix(object, "/usr/lib/") || strings.HasPrefix(object, "/proc/1/")) &&
				e.Verdict == policy.Audit && got == policy.Allow
		},
		"apparmor-audit-link": func(e Expectation, got policy.Action) bool {
			return op(e, "link") && e.Verdict == policy.Audit && got == policy.Allow
		},
		"apparmor-link-owner": func(e Expectation, got policy.Action) bool {
			return op(e, "link") && e.Access.UID != e.Access.Owner && got == policy.Block
		},
		"apparmor-source-read": func(e Expectation, got policy.Action) bool {
			return op(e, "exec") && got == Ended && e.anyRule(func(r policy.Rule) bool {
				return r.Class == policy.File && r.Action == policy.Allow && len(r.Sources) == 0
			})
		},
		"network-packet-audit": func(e Expectation, got policy.Action) bool {
			return op(e, "socket") && e.Access.Other == "packet" && e.Verdict == policy.Audit && got == policy.Allow
		},
	}
}

func (c *Case) anyRule(is func(policy.Rule) bool) bool { return slices.ContainsFunc(c.rules, is) }

// looser says whether x permits what y does not, or in silence what y alerts on.
func looser(x, y policy.Action) bool {
	order := []policy.Action{policy.Allow, policy.Audit, policy.Block}
	return slices.Index(order, x) < slices.Index(order, y)
}
