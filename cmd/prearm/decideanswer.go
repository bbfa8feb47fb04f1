package main

import (
	"fmt"
	"io"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

// answer is what prearm decide says of one question; its JSON form is an
// interface.
type answer struct {
	Action    policy.Action   `json:"action"` // Allow, Audit or Block
	Class     string          `json:"class"`
	Operation model.Operation `json:"op"`
	Object    string          `json:"object"` // as it was asked for
	// Resolved is the canonical path that was judged: of a script and its
	// interpreters, the one that decided. Source is resolved as well.
	Resolved string `json:"resolved,omitempty"`
	Source   string `json:"source,omitempty"`
	Target   string `json:"target,omitempty"`
	UID      uint32 `json:"uid"`
	// Literal says that paths were taken as they are written.
	Literal bool        `json:"literal"`
	Reason  reason      `json:"reason"`
	Tier    policy.Tier `json:"tier,omitempty"` // that the answer comes from
	// Rule is the one that decided, or that made the allow-list or closed the
	// object.
	Rule  *decidingRule `json:"rule,omitempty"`
	Rules int           `json:"rules"` // how many apply to the container
	Notes []string      `json:"notes"`

	ownerless bool // whose the object is had to be guessed
}

// decidingRule is a rule as answers have it.
type decidingRule struct {
	Address  string          `json:"address"`
	Action   policy.Action   `json:"action"`
	Severity int             `json:"severity"`
	Tags     []string        `json:"tags,omitempty"`
	Message  string          `json:"message,omitempty"`
	Position policy.Position `json:"position"`
}

// reason says why an answer came about.
type reason string

const (
	becauseRule      reason = "rule"
	becauseFlag      reason = "flag"
	becauseList      reason = "allow-list"
	becauseClosed    reason = "closed-object"
	becauseLoader    reason = "loader"
	becauseNameless  reason = "nameless"
	becauseBase      reason = "base-set"
	becauseProtected reason = "protected-name"
	becauseDefault   reason = "default"
)

// words say the reason to people; the rule, if any, is the address's.
func (r reason) words(address string) string {
	switch r {
	case becauseRule:
		return address
	case becauseFlag:
		return "ownerOnly or readOnly of " + address
	case becauseList:
		return "not in the allow-list of " + address
	case becauseClosed:
		return address + " closes the object to all other programs"
	case becauseLoader:
		return "running the dynamic loader as a program, which no rule names"
	case becauseNameless:
		return "executing a file without a name, which no rule can name"
	case becauseBase:
		return "the base set, which the allow-list of " + address + " leaves readable"
	case becauseProtected:
		return address + " protects the names of what it blocks"
	}
	return "no rule speaks of it"
}

// decide fills in what the model said.
func (out *answer) decide(d *decider, a model.Access, v model.Verdict) {
	out.Action, out.Tier = v.Action, v.Tier
	ground := d.set.Ground(a, v)
	switch v.Reason {
	case model.ByRule:
		out.Reason = becauseRule
	case model.ByFlag:
		out.Reason = becauseFlag
	case model.ByPosture:
		out.Reason = becauseList
		if ground.Closed {
			out.Reason = becauseClosed
		}
	case model.ByBase:
		out.Reason = becauseBase
	case model.ByLoader:
		out.Reason = becauseLoader
	case model.ByMemory:
		out.Reason = becauseNameless
	case model.ByTamper:
		out.Reason = becauseProtected
	default:
		out.Reason = becauseDefault
	}
	number := v.Rule
	if number < 0 {
		number = ground.Rule
	}
	if number >= 0 {
		r := d.rules[number]
		if r.Class == policy.Syscalls && r.Action != v.Action {
			out.Notes = append(out.Notes, "a rule on system calls alerts, whatever its action, unless its policy has the annotation "+policy.AnnotationSyscalls)
		}
		out.Rule = &decidingRule{r.Address, r.Action, r.Severity, r.Tags, r.Message, r.Position}
	}
}

func (out *answer) print(w io.Writer) error {
	p := newPrinter(w)
	colour := map[policy.Action]string{policy.Allow: green, policy.Audit: yellow}[out.Action]
	if colour == "" {
		colour = red
	}
	p.printf("%s\n", p.paint(colour, string(out.Action)))
	what := fmt.Sprintf("%s, %s", out.Class, out.Operation)
	if out.Object != "" {
		what += " " + plain(out.Object)
	}
	if out.Resolved != "" && out.Resolved != out.Object {
		what += " (" + plain(out.Resolved) + ")"
	}
	if out.Target != "" {
		what += " of " + plain(out.Target)
	}
	if out.Source != "" {
		what += ", by " + plain(out.Source)
	}
	rows := [][]string{{"asked", fmt.Sprintf("%s, as uid %d", what, out.UID)}}
	address := ""
	if out.Rule != nil {
		address = plain(out.Rule.Address)
	}
	rows = append(rows, []string{"reason", out.Reason.words(address)})
	if out.Tier != "" {
		rows = append(rows, []string{"tier", string(out.Tier)})
	}
	if r := out.Rule; r != nil {
		rows = append(rows, []string{"at", plain(r.Position.String())})
		if r.Message != "" {
			rows = append(rows, []string{"message", plain(r.Message)})
		}
	}
	p.table(rows)
	notes := out.Notes
	if out.Rules == 0 {
		notes = append(notes, "no policy applies to such a container")
	}
	if out.Literal {
		notes = append(notes, "paths are taken as they are written: name the root file system with --rootfs to resolve links in it")
	}
	for _, n := range notes {
		p.printf("- %s\n", plain(n))
	}
	return p.err
}
