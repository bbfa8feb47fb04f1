package translate

import (
	"fmt"
	"path"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
	"github.com/prearm/prearm/translate/rootfs"
)

// ExecDenied says why a program may not be run under the plan.
type ExecDenied struct {
	Program   string // canonical path
	Rule      string // address of the deciding rule, or of the one behind the posture
	ByPosture bool   // no rule names the program, and Rule put others into an allow-list
	Closed    bool   // Rule allows the program to its sources only
	Reason    model.Reason
}

func (e *ExecDenied) Error() string {
	switch {
	case e.Closed:
		return fmt.Sprintf("running %s is denied: %s allows it to certain executables only, of which a container's first program and those that are exec'd into it are none", e.Program, e.Rule)
	case e.ByPosture:
		return fmt.Sprintf("running %s is denied: the policies (%s) allow certain programs only, and no rule allows this one; allow it, or set allow_entrypoint", e.Program, e.Rule)
	case e.Rule != "":
		return fmt.Sprintf("running %s is denied by %s; change that policy, or run another program", e.Program, e.Rule)
	}
	return fmt.Sprintf("running %s is denied (%s): name it in a rule to allow it", e.Program, e.Reason)
}

// JudgeExec decides whether uid, as the host has it, may run a program by name, which executes the
// files of chain: the program, and for a script its interpreters. It returns
// nil if it may. Whoever executes it, the runtime, is no rule's source.
func (p *Plan) JudgeExec(root *rootfs.Root, chain []string, name string, uid uint32) (*ExecDenied, error) {
	decide := model.New(p.Resolved, p.Posture)
	var unlisted *ExecDenied // allow_entrypoint may admit it; any other denial stands
	for i, file := range chain {
		owner, err := root.Owner(file)
		if err != nil {
			return nil, fmt.Errorf("owner of %s: %w", file, err)
		}
		access := model.Access{
			Class:     policy.Process,
			Operation: model.Exec,
			Path:      file,
			Loader:    model.IsLoader(file),
			UID:       uid,
			Owner:     owner,
		}
		if i == 0 {
			access.ExecName = path.Base(name)
		}
		v := decide.Decide(access)
		if v.Action != policy.Block {
			continue
		}
		ground := decide.Ground(access, v)
		denied := &ExecDenied{Program: file, ByPosture: v.Reason == model.ByPosture && !ground.Closed, Closed: ground.Closed, Reason: v.Reason}
		if rule := max(v.Rule, ground.Rule); rule >= 0 {
			denied.Rule = p.Rules[rule].Address
		}
		if !denied.ByPosture {
			return denied, nil
		}
		if unlisted == nil {
			unlisted = denied
		}
	}
	return unlisted, nil
}
