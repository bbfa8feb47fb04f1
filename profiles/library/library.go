// Package library holds policies to begin from. Each is a file that people
// read, adapt to their containers and put into their policy folder: its
// comments say what it stops, whom it may break and what it leaves open.
//
// The package does not read policies as such: it knows its own files' form,
// which the tests hold them to.
package library

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/prearm/prearm/policy"
)

//go:embed *.yaml
var files embed.FS

// Label is what the policies select as they are: containers, or pods, with
// prearm.dev/harden=true in the namespace "default".
const Label = "prearm.dev/harden"

// Policy is one policy of the library.
type Policy struct {
	Name string
	Text string // YAML, with comments
	// What the comments say, a paragraph each.
	Stops, MayBreak, Residuals string
}

// All are the policies of the library, by name.
func All() ([]Policy, error) {
	entries, err := fs.ReadDir(files, ".") // sorted
	if err != nil {
		return nil, err
	}
	all := make([]Policy, len(entries))
	for i, e := range entries {
		text, err := files.ReadFile(e.Name())
		if err != nil {
			return nil, err
		}
		p := Policy{Name: strings.TrimSuffix(e.Name(), ".yaml"), Text: string(text)}
		for heading, to := range map[string]*string{"Stops": &p.Stops, "May break": &p.MayBreak, "Residuals": &p.Residuals} {
			if *to = paragraph(p.Text, heading); *to == "" {
				return nil, fmt.Errorf("%s has no comment %q; this is a mistake in prearm", e.Name(), heading)
			}
		}
		all[i] = p
	}
	return all, nil
}

// paragraph is the comment that begins with the heading, on one line.
func paragraph(text, heading string) string {
	_, rest, found := strings.Cut("\n"+text, "\n# "+heading+": ")
	if !found {
		return ""
	}
	var words []string
	for line := range strings.Lines("# " + rest) {
		line, comment := strings.CutPrefix(line, "# ")
		if !comment {
			break
		}
		words = append(words, strings.TrimSpace(line))
	}
	return strings.Join(words, " ")
}

// Lines of a file that say whom the policy is for; each file has them once.
const (
	kindLine      = "kind: " + policy.KindPolicy + "\n"
	namespaceLine = "  namespace: default\n"
	selectorLines = "  selector:\n    matchLabels:\n      " + Label + ": \"true\"\n"
)

// For is the policy's text for other containers than the ones it selects as
// it is: those of a namespace, "" for the one it has, with all of the labels,
// none for the one it has. With cluster it is a KubeArmorClusterPolicy, for
// every namespace if none is given.
func (p Policy) For(namespace string, labels map[string]string, cluster bool) (string, error) {
	if len(labels) == 0 {
		labels = map[string]string{Label: "true"}
	}
	kind, place, selector := kindLine, namespaceLine, ""
	if cluster {
		kind, place = "kind: "+policy.KindClusterPolicy+"\n", ""
		selector = expressions(namespace, labels)
	} else {
		if namespace != "" {
			place = "  namespace: " + quote(namespace) + "\n"
		}
		selector = "  selector:\n    matchLabels:\n"
		for _, k := range slices.Sorted(maps.Keys(labels)) {
			selector += "      " + quote(k) + ": " + quote(labels[k]) + "\n"
		}
	}
	text := p.Text
	for _, replace := range [][2]string{{kindLine, kind}, {namespaceLine, place}, {selectorLines, selector}} {
		if strings.Count(text, replace[0]) != 1 {
			return "", fmt.Errorf("policy %s does not have the line %q once; this is a mistake in prearm", p.Name, strings.TrimSpace(replace[0]))
		}
		text = strings.Replace(text, replace[0], replace[1], 1)
	}
	return text, nil
}

// expressions are the selector of a cluster policy: one for the namespace,
// one a label, all of which must hold.
func expressions(namespace string, labels map[string]string) string {
	var b strings.Builder
	b.WriteString("  selector:\n    matchExpressions:\n")
	add := func(key, value string) {
		fmt.Fprintf(&b, "    - key: %s\n      operator: %s\n      values: [%s]\n", key, policy.OperatorIn, quote(value))
	}
	if namespace != "" {
		add(policy.KeyNamespace, namespace)
	}
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		add(policy.KeyLabel, k+"="+labels[k])
	}
	return b.String()
}

// quote is s as a string of YAML, whatever is in it: Go's escapes are among
// YAML's. A label that needs no quotes has none.
func quote(s string) string {
	if s == Label {
		return s
	}
	return strconv.Quote(s)
}
