package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/store"
	"github.com/prearm/prearm/profiles/base"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/model"
	"github.com/prearm/prearm/translate/rootfs"
)

// decider answers questions about one container by the model.
type decider struct {
	files   *files
	literal bool // there are no file systems to resolve paths in
	rules   []policy.Rule
	set     *model.Set
	// apart are rules that no answer takes into account, with the reason.
	apart map[policy.Class][]string
}

// newDecider prepares the rules that were selected for a container.
func newDecider(rules []policy.Rule, posture policy.Posture, f *files) (*decider, error) {
	resolved, unresolved, err := translate.Resolve(rules, f.root)
	if err != nil {
		return nil, err
	}
	d := &decider{files: f, literal: f.temp != "", rules: rules, apart: make(map[policy.Class][]string)}
	for i, r := range rules {
		switch {
		case r.Unsupported != "":
			d.apart[r.Class] = append(d.apart[r.Class], fmt.Sprintf(
				"%s is left out: %s cannot be enforced yet, and such a container does not start by default", r.Address, r.Unsupported))
		case unresolved[i] != "":
			d.apart[r.Class] = append(d.apart[r.Class], fmt.Sprintf(
				"%s is taken as it is written, and such a container does not start by default: %s", r.Address, unresolved[i]))
		}
	}
	resolved = slices.DeleteFunc(resolved, func(r model.Rule) bool { return rules[r.Number].Unsupported != "" })
	d.set = model.New(resolved, posture, base.Files()...)
	return d, nil
}

// selectFrom selects from policy files instead of a folder that is indexed.
// Unlike there, no mistake is passed over.
func selectFrom(paths []string, subject policy.Subject) (store.Selection, error) {
	var s store.Selection
	if slices.Contains(paths, "-") {
		return s, errors.New("--policy -: standard input is for questions; name a file")
	}
	files, err := readAll(paths, nil)
	if err != nil {
		return s, err
	}
	if mistakes := check(files).Errors; len(mistakes) > 0 {
		return s, mistakes
	}
	var policies []policy.Policy
	for _, f := range files {
		policies = append(policies, f.Policies...)
		for _, n := range f.Namespaces {
			if n.Name == subject.Namespace {
				s.Posture = n.Posture
			}
		}
	}
	slices.SortFunc(policies, func(a, b policy.Policy) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	for _, p := range policies {
		s.Rules = append(s.Rules, p.RulesFor(subject)...)
	}
	return s, nil
}

// answer decides one question. The error is for a question that cannot be
// asked, or file systems that cannot be read.
func (d *decider) answer(q asked) (*answer, error) {
	a, err := q.access()
	if err != nil {
		return nil, err
	}
	out := &answer{Class: q.Class, Operation: a.Operation, Object: q.Object, Target: q.Target, UID: q.UID, Rules: len(d.rules)}
	out.Notes = append([]string{}, d.apart[a.Class]...)
	if err := d.source(&a, out); err != nil {
		return nil, err
	}
	accesses, err := d.accesses(a, q, out)
	if err != nil {
		return nil, err
	}
	decided, v := accesses[0], d.set.Decide(accesses[0])
	for _, next := range accesses[1:] {
		if w := d.set.Decide(next); stricter(w.Action, v.Action) {
			decided, v = next, w
		}
	}
	out.Resolved = decided.Path
	out.decide(d, decided, v)
	if v.Reason == model.ByFlag && d.rules[v.Rule].OwnerOnly && out.ownerless {
		out.Notes = append(out.Notes, "nobody knows the owner of the object, who is taken to be 0: say so in owner")
	}
	return out, nil
}

func stricter(a, b policy.Action) bool {
	order := []policy.Action{policy.Allow, policy.Audit, policy.Block}
	return slices.Index(order, a) > slices.Index(order, b)
}

// source resolves the acting program: a running program is no link, and a
// script's is its interpreter.
func (d *decider) source(a *model.Access, out *answer) error {
	if a.Source == "" {
		if d.sourced(a.Class) {
			out.Notes = append(out.Notes, "no source is given, so no rule with fromSource matches")
		}
		return nil
	}
	out.Literal = d.literal
	if chain, err := d.files.root.Exec(a.Source, "", "/"); err == nil {
		if len(chain) > 1 {
			out.Notes = append(out.Notes, fmt.Sprintf("%s is a script: the program that acts is %s", chain[0], chain[len(chain)-1]))
		}
		a.Source = chain[len(chain)-1]
	} else {
		res, err := d.resolve("source", a.Source)
		if err != nil {
			return err
		}
		a.Source = res.Final()
	}
	out.Source = a.Source
	return nil
}

// sourced says whether any rule of the class is for certain programs only.
func (d *decider) sourced(class policy.Class) bool {
	return slices.ContainsFunc(d.rules, func(r policy.Rule) bool { return r.Class == class && len(r.Sources) > 0 })
}

// accesses are what the kernel judges for a question: one, or for a script
// that is executed, one a file.
func (d *decider) accesses(a model.Access, q asked, out *answer) ([]model.Access, error) {
	if a.Path == "" {
		return []model.Access{a}, nil
	}
	out.Literal = d.literal
	name := a.Path
	res, err := d.resolve("object", name)
	if err != nil {
		return nil, err
	}
	a.Path = res.Final()
	if a.Operation == model.Tamper {
		a.Path = res.Real // a link is moved itself
	}
	if !d.literal && !res.Exists {
		out.Notes = append(out.Notes, fmt.Sprintf("%s is not in the root file system", name))
	}
	chain := []string{a.Path}
	if a.Class == policy.Process && a.Operation == model.Exec {
		a.ExecName = path.Base(name)
		if res.Exists {
			if chain, err = d.files.root.Exec(name, "", "/"); err != nil {
				out.Notes = append(out.Notes, "such an execution fails anyway: "+err.Error())
				chain = []string{a.Path}
			}
		}
	}
	var all []model.Access
	for i, file := range chain {
		one := a
		one.Path, one.Loader = file, a.Class == policy.Process && model.IsLoader(file)
		if i > 0 {
			one.ExecName = ""
		}
		if one.Owner, err = d.owner(file, q, res.Exists, out); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	if len(chain) > 1 {
		out.Notes = append(out.Notes, "it is a script, judged together with what runs it: "+strings.Join(chain[1:], ", "))
	}
	return all, nil
}

// owner is the uid that owns the object. Who creates a file is its owner.
func (d *decider) owner(file string, q asked, exists bool, out *answer) (uint32, error) {
	switch {
	case q.Owner != nil:
		return *q.Owner, nil
	case !d.literal && !exists && out.Operation == model.Write:
		return q.UID, nil
	}
	if !d.literal {
		owner, err := d.files.root.Owner(file)
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, rootfs.ErrOpaque) {
			return owner, err
		}
	}
	out.ownerless = true
	return 0, nil
}

func (d *decider) resolve(field, name string) (rootfs.Result, error) {
	res, err := d.files.root.Resolve(name)
	if rootfs.Unresolvable(err) {
		return res, wrong(field, "%v", err)
	}
	return res, err
}
