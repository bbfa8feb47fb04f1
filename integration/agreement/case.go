package agreement

import (
	"path"
	"strings"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/profiles/base"
	"github.com/prearm/prearm/translate/model"
)

// Case is the rules of one container, and accesses of its processes.
type Case struct {
	Rules    []model.Rule
	Posture  policy.Posture
	Accesses []model.Access
}

// Decider is what enforces rules, or answers as if it did.
type Decider interface {
	// Decide answers the accesses of the case, in their order. A system call
	// is not asked about.
	Decide(c *Case) ([]model.Verdict, error)
}

// Model answers by the reference model.
type Model struct{}

// Decide never fails.
func (Model) Decide(c *Case) ([]model.Verdict, error) {
	set := model.New(c.Rules, c.Posture, base.Files()...)
	verdicts := make([]model.Verdict, len(c.Accesses))
	for i, a := range c.Accesses {
		verdicts[i] = said(set, a)
	}
	return verdicts, nil
}

// permitted is the one form of all verdicts that permit in silence: nobody is
// told why.
var permitted = model.Verdict{Action: policy.Allow, Rule: -1, Reason: model.ByNothing}

// said is the model's verdict in the form in which events tell it: a posture
// is told with the rule that closed the object to others.
func said(set *model.Set, a model.Access) model.Verdict {
	v := set.Decide(a)
	switch {
	case a.Class == policy.File && a.Foreign:
		return model.Verdict{Action: v.Action}
	case v.Action == policy.Allow:
		return permitted
	case v.Reason == model.ByPosture:
		if g := set.Ground(a, v); g.Closed {
			v.Rule = g.Rule
		}
	}
	return v
}

// settle makes an access what a kernel could ask about: what follows from its
// path is set, and what its class has no use for is not.
func settle(a model.Access) model.Access {
	if a.Class != policy.Process {
		a.ExecName = ""
	}
	if a.Operation != model.Exec || a.ExecName == path.Base(a.Path) || a.Path == "" {
		a.ExecName = ""
	}
	switch {
	case a.Operation == model.Map:
		a.Foreign = a.Foreign || a.Path != a.Source
	case a.Class != policy.File || a.Path == "" || a.Operation == model.Mount:
		a.Foreign = false
	}
	a.Loader = a.Operation == model.Exec && a.Path != "" && model.IsLoader(a.Path)
	if a.Class != policy.Process && a.Class != policy.File {
		a.Path, a.UID, a.Owner = "", 0, 0
	}
	return a
}

// The kernel's limits, in bytes; PATH_MAX counts the NUL at a path's end.
const (
	maxName = 255
	maxPath = 4095
)

// clean is the nearest path that a kernel could resolve to: no empty
// component, no dots, and neither a name nor the whole longer than they can be.
func clean(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "/") {
		part = strings.ReplaceAll(part, "\x00", "")
		if part == "" || part == "." || part == ".." {
			continue
		}
		part = part[:min(len(part), maxName)]
		if b.Len()+1+len(part) > maxPath {
			break
		}
		b.WriteByte('/')
		b.WriteString(part)
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}
