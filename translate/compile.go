package translate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
	"github.com/prearm/prearm/translate/rootfs"
)

// Input is everything that a Plan depends on.
type Input struct {
	Rules   []policy.Rule
	Posture policy.Posture
	Host    Host
	Root    *rootfs.Root // the container's file systems, as they will be

	// NoNewPrivileges says that the container's processes run with
	// no_new_privs: none of them can leave what confines it.
	NoNewPrivileges bool

	// Enforcer is the node's setting; "" is EnforcerAuto.
	Enforcer string
}

// outcomes is what the compiler of one mechanism says of its rules, by
// number.
type outcomes map[int]Coverage

// compiler is how one mechanism takes its rules; see choice.compilers.
type compiler func(p *Plan, rules []model.Rule, host Host) (outcomes, error)

// Compile gives the plan for the rules that were selected for a container. A
// rule that this host cannot enforce is no error: its Coverage says so, and
// Refusals decides what it means for the start.
func Compile(in Input) (*Plan, error) {
	p := &Plan{Rules: in.Rules, Posture: in.Posture, NoNewPrivileges: in.NoNewPrivileges, Coverage: make([]Coverage, len(in.Rules))}
	chosen, err := choose(in.Enforcer, in.Host)
	if err != nil {
		return nil, err
	}
	resolved, paths, unresolved, err := resolve(in.Rules, in.Root)
	if err != nil {
		return nil, fmt.Errorf("resolving the paths of the policies: %w", err)
	}
	p.Resolved, p.Paths = resolved, paths

	refused := make(map[int]bool)
	for i, r := range in.Rules {
		p.Coverage[i] = Coverage{Address: r.Address}
		why := unresolved[i]
		if why == "" {
			why = notYet(r, chosen)
		}
		if why != "" {
			p.Coverage[i].Unenforceable = why
			refused[i] = true
		}
	}
	rules := make([]model.Rule, 0, len(resolved))
	for _, r := range resolved {
		if !refused[r.Number] {
			rules = append(rules, r)
		}
	}

	covered := make([]bool, len(in.Rules))
	for _, compile := range chosen.compilers(in.Host) {
		out, err := compile(p, rules, in.Host)
		if err != nil {
			return nil, err
		}
		for n, c := range out {
			c.Address = in.Rules[n].Address
			p.Coverage[n] = merge(p.Coverage[n], c)
			covered[n] = true
		}
	}
	for i, r := range in.Rules {
		if !covered[i] && !refused[i] {
			return nil, fmt.Errorf("%s: no compiler knows rules of class %q; this is a mistake in prearm", r.Address, r.Class)
		}
	}
	if in.Host.Hook {
		leaveToHook(p)
	}
	for i, r := range in.Rules {
		p.Coverage[i].Why = chosen.reason(r, p.Coverage[i])
	}
	p.Digest, err = digest(p, in.Host)
	return p, err
}

// notYet names what a rule needs that no mechanism here enforces.
func notYet(r policy.Rule, chosen choice) string {
	switch {
	case r.Unsupported != "":
		return fmt.Sprintf("%s is recognised but not enforced yet", r.Unsupported)
	case !chosen.guard && len(r.Sources) > 0 && r.Class == policy.Network && !sourcedProtocol(r.Object.Name):
		return fmt.Sprintf("a rule with fromSource cannot be about %s: AppArmor, which alone knows who acts, tells sockets apart by family and type; tcp, udp, raw and all can be told", r.Object.Name)
	}
	return ""
}

// merge joins what two compilers say of one rule: both mechanisms are needed,
// and one that fails fails the rule.
func merge(a, b Coverage) Coverage {
	a.Address = b.Address
	a.Mechanisms = append(a.Mechanisms, b.Mechanisms...)
	a.Residuals = append(a.Residuals, b.Residuals...)
	if a.Unenforceable == "" {
		a.Unenforceable = b.Unenforceable
	}
	return a
}

// digest names everything that containers with this plan share. Positions and
// addresses of rules are part of it, because events carry rule numbers.
func digest(p *Plan, host Host) (string, error) {
	blob, err := json.Marshal(struct {
		Schema   int
		Plan     *Plan
		Resolved []model.Rule
		Host     Host
	}{1, p, p.Resolved, host})
	if err != nil {
		return "", fmt.Errorf("plan digest: %w", err)
	}
	sum := sha256.Sum256(blob)
	return hex.EncodeToString(sum[:]), nil
}

// Settings of on_residual and on_unenforceable.
const (
	Warn   = "warn"
	Refuse = "refuse"
)

// Refusal is one rule for which a container is not started.
type Refusal struct {
	Address string `json:"rule"`
	Reason  string `json:"reason"`
}

func (r Refusal) String() string { return r.Address + ": " + r.Reason }

// Refusals are the rules for which the node's settings refuse a start, in the
// order of the rules. A refused start and explain print the same words.
func (p *Plan) Refusals(onResidual, onUnenforceable string) []Refusal {
	var out []Refusal
	for _, c := range p.Coverage {
		switch {
		case c.Unenforceable != "" && onUnenforceable != Warn:
			out = append(out, Refusal{c.Address, "cannot be enforced on this host: " + c.Unenforceable})
		case len(c.Residuals) > 0 && onResidual == Refuse:
			out = append(out, Refusal{c.Address, "is enforced with residuals (" + strings.Join(c.Residuals, ", ") + "), which on_residual refuses"})
		}
	}
	return out
}

// Unenforced are the addresses of rules that nothing enforces.
func (p *Plan) Unenforced() []string {
	var out []string
	for _, c := range p.Coverage {
		if c.Unenforceable != "" {
			out = append(out, c.Address)
		}
	}
	return out
}

// Residuals are the ids of all residuals of the plan, sorted, each once.
func (p *Plan) Residuals() []string {
	var out []string
	for _, c := range p.Coverage {
		out = append(out, c.Residuals...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
