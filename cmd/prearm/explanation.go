package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/store"
	"github.com/prearm/prearm/profiles"
	"github.com/prearm/prearm/shim/config"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/rootfs"
)

// explanation is the answer of prearm explain; its JSON form is an interface.
type explanation struct {
	Subject  policy.Subject  `json:"subject"`
	Policies []store.Ref     `json:"policies"`
	Posture  policy.Posture  `json:"posture"`
	Host     translate.Host  `json:"host"`
	Rules    []explainedRule `json:"rules"`
	Digest   string          `json:"digest,omitempty"` // of the plan
	// Entrypoint is what was asked about, or what the container has.
	Entrypoint *entrypoint `json:"entrypoint,omitempty"`
	// Starts is whether such a container starts; Refusals and Failures say
	// why not.
	Starts   bool                `json:"starts"`
	Refusals []translate.Refusal `json:"refusals"`
	Failures []string            `json:"failures"`
	// Outside are the ways in which the container could administer the host,
	// and so is outside the promise.
	Outside []string `json:"outside"`
	Notes   []string `json:"notes"`

	config *config.Config
	spec   *specs.Spec // of a container that containerd has
	plan   *translate.Plan
}

// explainedRule is a rule with what becomes of it.
type explainedRule struct {
	policy.Rule
	Objects       []string              `json:"resolved"` // what the object stands for in the container
	Mechanisms    []translate.Mechanism `json:"mechanisms"`
	Why           string                `json:"why,omitempty"` // it is by these mechanisms
	Residuals     []string              `json:"residuals"`
	Unenforceable string                `json:"unenforceable,omitempty"`
}

// entrypoint is a program with the model's answer.
type entrypoint struct {
	Args   []string `json:"args"`
	Files  []string `json:"files"` // the program, and interpreters
	Denied string   `json:"denied,omitempty"`
	Lacks  []string `json:"lacks,omitempty"` // paths that an allow-list would have to name
}

func (e *explanation) compile(rules []policy.Rule, root *rootfs.Root) error {
	e.Rules, e.Refusals, e.Failures, e.Outside = []explainedRule{}, []translate.Refusal{}, []string{}, []string{}
	if e.Notes == nil {
		e.Notes = []string{}
	}
	if e.Policies == nil {
		e.Policies = []store.Ref{}
	}
	var err error
	e.plan, err = translate.Compile(translate.Input{
		Rules: rules, Posture: e.Posture, Host: e.Host, Root: root, Enforcer: e.config.Enforcer,
		NoNewPrivileges: e.spec != nil && e.spec.Process != nil && e.spec.Process.NoNewPrivileges,
	})
	if err != nil {
		return err
	}
	e.Digest = e.plan.Digest
	for i, r := range e.plan.Rules {
		c := e.plan.Coverage[i]
		e.Rules = append(e.Rules, explainedRule{
			Rule: r, Objects: e.objects(i), Why: c.Why, Unenforceable: c.Unenforceable,
			Mechanisms: append([]translate.Mechanism{}, c.Mechanisms...), Residuals: append([]string{}, c.Residuals...),
		})
	}
	e.Refusals = append(e.Refusals, e.plan.Refusals(e.config.OnResidual, e.config.OnUnenforceable)...)
	if e.spec != nil && len(e.plan.Rules) > 0 {
		if err := profiles.Apply(e.spec, e.plan, ""); err != nil {
			e.Failures = append(e.Failures, err.Error())
		}
		e.Outside = append(e.Outside, outside(e.spec, e.config)...)
	}
	return nil
}

// objects are what the object of a rule was resolved to.
func (e *explanation) objects(number int) []string {
	objects := []string{}
	for _, r := range e.plan.Resolved {
		if r.Number == number && !slices.Contains(objects, r.Object.Name) {
			objects = append(objects, r.Object.Name)
		}
	}
	return objects
}

// judge decides on the entrypoint: the one that was given, or the container's.
func (e *explanation) judge(root *rootfs.Root, args []string) error {
	env, cwd, uid := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, "/", uint32(0)
	if e.spec != nil && e.spec.Process != nil {
		p := e.spec.Process
		env, cwd, uid = p.Env, p.Cwd, p.User.UID
		if len(args) == 0 {
			args = p.Args
		}
	}
	if len(args) > 0 && len(e.plan.Rules) > 0 {
		if err := e.judgeProgram(root, args, env, cwd, uid); err != nil {
			return err
		}
	}
	e.Starts = len(e.Refusals) == 0 && len(e.Failures) == 0
	return nil
}

func (e *explanation) judgeProgram(root *rootfs.Root, args, env []string, cwd string, uid uint32) error {
	path := ""
	for _, v := range env {
		if p, ok := strings.CutPrefix(v, "PATH="); ok {
			path = p
		}
	}
	e.Entrypoint = &entrypoint{Args: args, Files: []string{}}
	chain, err := root.Exec(args[0], path, cwd)
	if err != nil {
		e.Failures = append(e.Failures, fmt.Sprintf("program %q: %v", args[0], err))
		return nil
	}
	e.Entrypoint.Files = chain
	denied, err := e.plan.JudgeExec(root, chain, args[0], uid)
	if err != nil || denied == nil {
		return err
	}
	e.Entrypoint.Denied = denied.Error()
	for _, file := range chain {
		one, err := e.plan.JudgeExec(root, []string{file}, file, uid)
		if err != nil {
			return err
		}
		if one != nil && one.ByPosture {
			e.Entrypoint.Lacks = append(e.Entrypoint.Lacks, file)
		}
	}
	if !denied.ByPosture || !e.config.AllowEntrypoint {
		e.Failures = append(e.Failures, denied.Error())
	}
	return nil
}
