package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prearm/prearm/policy"
)

// Case is a small policy and what is tried under it.
type Case struct {
	Group    string   // heading that its rows stand under
	Rules    []string // in the short form
	Posture  policy.Action
	Accesses []Access
	Links    map[string]string // symbolic links: name to target
	Scripts  map[string]string // scripts: name to interpreter
	Folders  []string          // directories that no access implies
	Number   int               // its place in Cases, and its folder's name

	rules []policy.Rule // parsed, with ~ and # expanded
}

// Row is one access of a case: a line of the table.
type Row struct {
	*Case
	Access Access
	Index  int // among the case's accesses
}

// ID names the row, the same in every run.
func (r Row) ID() string { return r.policy() + " | " + r.Access.String() }

// Marker is the name of the process that performs the row, by which the
// kernel's records are attributed. It has at most 15 bytes.
func (r Row) Marker() string { return fmt.Sprintf("row%d.%d", r.Number, r.Index) }

// policy is the case's policy in one line.
func (c *Case) policy() string {
	text := strings.Join(c.Rules, "; ")
	for _, name := range slices.Sorted(maps.Keys(c.Scripts)) {
		text += "; " + name + " is a script of " + c.Scripts[name]
	}
	for _, name := range slices.Sorted(maps.Keys(c.Links)) {
		text += "; " + name + " is a link to " + c.Links[name]
	}
	if c.Posture == policy.Audit {
		text += "; posture audit"
	}
	return text
}

// Folder is the case's own, in the container.
func (c *Case) Folder() string { return fmt.Sprintf("/c/%d", c.Number) }

// expand replaces ~ and #.
func (c *Case) expand(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "~", c.Folder()), "#", fmt.Sprint(c.Number))
}

// Rows are the case's.
func (c *Case) Rows() []Row {
	rows := make([]Row, len(c.Accesses))
	for i, a := range c.Accesses {
		rows[i] = Row{Case: c, Access: a, Index: i}
	}
	return rows
}

// Cases enumerates the language. The result is the same each time; a mistake
// in the enumeration panics, as the tables are constants.
func Cases() []*Case {
	var all []*Case
	for _, cases := range [][]*Case{
		fileCases(), fileSources(), fileOperations(), fileBase(),
		processCases(), processSources(), processObjects(),
		precedence(), tiers(), links(),
		networkCases(), capabilityCases(), syscallCases(),
	} {
		all = append(all, cases...)
	}
	for i, c := range all {
		c.Number = i
		if c.Posture == "" {
			c.Posture = policy.Block
		}
		for _, text := range c.Rules {
			r, err := parseRule(c.expand(text))
			if err != nil {
				panic(err) // a constant
			}
			r.Message = fmt.Sprint(i)
			r.Address = text
			c.rules = append(c.rules, r)
		}
	}
	return all
}

// Rows are those of all cases.
func Rows(cases []*Case) []Row {
	var all []Row
	for _, c := range cases {
		all = append(all, c.Rows()...)
	}
	return all
}

// a new case; accesses are in the short form.
func newCase(group string, rules []string, accesses ...string) *Case {
	c := &Case{Group: group, Rules: rules}
	return c.tries(accesses...)
}

func (c *Case) tries(accesses ...string) *Case {
	for _, text := range accesses {
		a, err := parseAccess(text)
		if err != nil {
			panic(err) // a constant
		}
		c.Accesses = append(c.Accesses, a)
	}
	return c
}

// mode is an action, and for what an allow-list leaves out, a posture.
type mode struct {
	action  string
	posture policy.Action
}

func modes() []mode {
	return []mode{{"Block", policy.Block}, {"Audit", policy.Block}, {"Allow", policy.Block}, {"Allow", policy.Audit}}
}

func (c *Case) under(posture policy.Action) *Case {
	c.Posture = posture
	return c
}

// Names are the objects of the row's access, as the kernel sees them.
func (r Row) Names() []string {
	names := []string{r.expand(r.Access.Object), r.real(r.Access.Object), r.expand(r.Access.Other)}
	if interpreter := r.Scripts[r.Access.Object]; interpreter != "" {
		names = append(names, r.expand(interpreter))
	}
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, "/") })
}
