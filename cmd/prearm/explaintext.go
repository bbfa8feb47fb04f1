package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate"
)

func (e *explanation) print(w io.Writer) error {
	p := newPrinter(w)
	p.table([][]string{
		{"container", describe(e.Subject)},
		{"posture", fmt.Sprintf("file %s, network %s, capabilities %s", lower(e.Posture.File), lower(e.Posture.Network), lower(e.Posture.Capabilities))},
	})
	e.printPolicies(p)
	e.printRules(p)
	if e.Entrypoint != nil {
		p.heading("Entrypoint")
		p.printf("%s\n", plain(strings.Join(e.Entrypoint.Files, ", run by ")))
		if e.Entrypoint.Denied != "" {
			p.printf("%s\n", p.paint(red, plain(e.Entrypoint.Denied)))
		}
		if len(e.Entrypoint.Lacks) > 0 {
			p.printf("the policy lacks:\n  process:\n    matchPaths:\n")
			for _, path := range e.Entrypoint.Lacks {
				p.printf("    - path: %s\n", yamlPath(path))
			}
		}
	}
	if len(e.Outside) > 0 {
		p.heading("Outside the promise: the container can administer this host")
		for _, way := range e.Outside {
			p.printf("- %s\n", p.paint(yellow, plain(way)))
		}
	}
	if len(e.Notes) > 0 {
		p.heading("Notes")
		for _, n := range e.Notes {
			p.printf("- %s\n", plain(n))
		}
	}
	e.printResult(p)
	return p.err
}

func (e *explanation) printPolicies(p *printer) {
	p.heading("Policies")
	if len(e.Policies) == 0 {
		p.printf("none applies\n")
	}
	var rows [][]string
	for _, r := range e.Policies {
		name := r.Namespace + "/" + r.Name
		if r.Kind == policy.KindClusterPolicy {
			name = r.Name + " (cluster)"
		}
		rows = append(rows, []string{plain(name), plain(r.Position.String())})
	}
	p.table(rows)
	for _, r := range e.Policies {
		if r.Outdated != "" {
			p.printf("%s\n", p.paint(yellow, "an earlier version of "+plain(r.Name)+" is in force: "+plain(r.Outdated)))
		}
	}
}

func (e *explanation) printRules(p *printer) {
	if len(e.Rules) == 0 {
		return
	}
	p.heading("Rules")
	rows := [][]string{{"RULE", "ACTION", "OBJECT", "ENFORCED BY", "RESIDUALS"}}
	residuals := make(map[string]bool)
	for _, r := range e.Rules {
		by := "nothing"
		if r.Unenforceable == "" {
			by = mechanisms(r.Mechanisms)
		}
		for _, id := range r.Residuals {
			residuals[id] = true
		}
		rows = append(rows, []string{plain(r.Address), string(r.Action), plain(object(r)), by, strings.Join(r.Residuals, ", ")})
	}
	p.table(rows)
	e.printChoices(p)
	if len(residuals) == 0 {
		return
	}
	p.heading("Residuals")
	var list [][]string
	for _, r := range translate.Residuals {
		if residuals[r.ID] {
			list = append(list, []string{r.ID, r.Sentence})
		}
	}
	p.table(list)
}

// printChoices says once for each mechanism, or several together, why rules are
// enforced by it and by no other.
func (e *explanation) printChoices(p *printer) {
	var rows [][]string
	for _, r := range e.Rules {
		if r.Why == "" || r.Unenforceable != "" {
			continue
		}
		row := []string{mechanisms(r.Mechanisms), r.Why}
		if !slices.ContainsFunc(rows, func(other []string) bool { return slices.Equal(row, other) }) {
			rows = append(rows, row)
		}
	}
	if len(rows) > 0 {
		p.heading("Enforced by")
		p.table(rows)
	}
}

// mechanisms names them for people.
func mechanisms(list []translate.Mechanism) string {
	var names []string
	for _, m := range list {
		names = append(names, string(m))
	}
	return strings.Join(names, ", ")
}

func (e *explanation) printResult(p *printer) {
	if e.Starts {
		p.heading("Result")
		if len(e.Rules) == 0 {
			p.printf("such a container starts, and nothing holds it\n")
			return
		}
		p.printf("%s\n", p.paint(green, "such a container starts with these rules in force"))
		for _, r := range e.Rules {
			if r.Unenforceable != "" {
				p.printf("%s\n", p.paint(yellow, "not in force: "+plain(r.Address)+": "+plain(r.Unenforceable)))
			}
		}
		return
	}
	p.heading("Result")
	p.printf("%s\n", p.paint(red, "such a container does not start:"))
	for _, r := range e.Refusals {
		p.printf("- %s\n", plain(r.String()))
	}
	for _, f := range e.Failures {
		p.printf("- %s\n", plain(f))
	}
}

// describe names a subject.
func describe(s policy.Subject) string {
	parts := []string{"namespace " + plain(s.Namespace)}
	for _, p := range []struct{ name, value string }{{"pod", s.Pod}, {"name", s.Container}, {"image", s.Image}} {
		if p.value != "" {
			parts = append(parts, p.name+" "+plain(p.value))
		}
	}
	if s.Sandbox {
		parts = append(parts, "the pod's pause container")
	}
	for _, k := range slices.Sorted(maps.Keys(s.Labels)) {
		parts = append(parts, plain(k+"="+s.Labels[k]))
	}
	return strings.Join(parts, ", ")
}

// object is a rule's object as people write it, with what it stands for.
func object(r explainedRule) string {
	text := r.Object.Name
	if r.Object.Kind == policy.Directory && r.Object.Recursive {
		text += " and all below"
	}
	if r.Object.Target != "" {
		text += " of " + r.Object.Target
	}
	if r.ReadOnly {
		text += ", read only"
	}
	if r.OwnerOnly {
		text += ", its owner only"
	}
	for _, s := range r.Sources {
		text += ", from " + s.Path + s.Dir
	}
	others := slices.DeleteFunc(slices.Clone(r.Objects), func(o string) bool { return strings.Trim(o, "/") == strings.Trim(r.Object.Name, "/") })
	if len(others) > 0 {
		text += " (" + strings.Join(others, ", ") + ")"
	}
	return text
}

func lower(a policy.Action) string { return strings.ToLower(string(a)) }

// plain makes text from a policy, a label or an image safe for a terminal and
// a table.
func plain(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// yamlPath quotes a path where YAML would read something else.
func yamlPath(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._-+", r)
	}) {
		return strconv.Quote(path)
	}
	return path
}
