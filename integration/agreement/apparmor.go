package agreement

import (
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/model"
)

// Killed is the prober's errno of a program that ended before it began.
const Killed syscall.Errno = 139

// ExcusedByAppArmor names the residual of the plan that explains why the
// attempt ended in errno under the case's rules, against the model's verdict;
// "" if none does.
func (t *Terrain) ExcusedByAppArmor(plan *translate.Plan, c *Case, a Attempt, verdict policy.Action, errno syscall.Errno) string {
	denied := errno == unix.EACCES || errno == Killed
	tooMuch, tooLittle := denied && verdict != policy.Block, !denied && verdict == policy.Block
	o := t.at(a.Object)
	act := func(names ...string) bool { return slices.Contains(names, a.Act) }
	blocks := func(is func(r model.Rule) bool) bool {
		return slices.ContainsFunc(c.Rules, func(r model.Rule) bool { return r.Action == policy.Block && is(r) })
	}
	names := func(at string) func(r model.Rule) bool {
		return func(r model.Rule) bool { return r.Class == policy.Process && matches(r, at) }
	}
	switch {
	case tooLittle && o.kind != folder && blocks(func(r model.Rule) bool { return strings.HasPrefix(r.Object.Name, o.path+"/") }):
		// The model takes what is above a blocked path for a directory, even
		// where it is a file, below which nothing is.
		return "no directory"
	case act("link") && o.kind == program && tooMuch && model.IsLoader(o.path):
		// A link must not permit more than its target, and any other name of
		// the loader may be executed. No residual says so yet.
		return "the loader's links"
	}
	for _, id := range plan.Residuals() {
		explains := false
		switch id {
		case "apparmor-interpreter":
			explains = act("exec") && o.kind == script && tooLittle
		case "apparmor-exec-name":
			explains = act("exec") && o.kind == link && tooLittle
		case "apparmor-parent-metadata":
			explains = act("mkdir", "rmdir", "chmod", "chown") && tooMuch && blocks(func(r model.Rule) bool {
				return strings.HasPrefix(r.Object.Name+"/", strings.TrimSuffix(a.Object, "/")+"/") || r.Object.Kind == policy.Pattern
			})
		case "apparmor-tamper-write":
			explains = act("write", "append", "both", "truncate", "chmod", "chown") && tooMuch && blocks(names(o.path))
		case "apparmor-move-out":
			explains = act("rename", "exchange", "link", "unlink", "rmdir") && tooLittle
		case "apparmor-link-owner":
			explains = act("link") && a.UID != o.owner && tooMuch
		case "apparmor-owner-replace":
			explains = act("rename", "exchange") && tooLittle
		case "apparmor-source-link":
			explains = act("link") && o.kind == source && tooMuch
		case "apparmor-source-read":
			explains = o.kind == source && (act("exec", "as") && tooMuch || act("read", "map") && tooLittle) || act("exec") && errno == Killed
		}
		if explains {
			return id
		}
	}
	return ""
}

// matches says whether a rule's object covers a path, whoever acts.
func matches(r model.Rule, path string) bool {
	r.Action, r.Sources, r.OwnerOnly = policy.Block, nil, false
	return model.New([]model.Rule{r}, policy.Posture{}).Decide(model.Access{Class: policy.Process, Operation: model.Exec, Path: path}).Action == policy.Block
}
