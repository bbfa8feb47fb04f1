package attacks

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// Outcome is what was seen of an attack under a policy: "stopped", "succeeds",
// "refused" where the container does not start, or "absent" where the kernel
// lacks what it needs.
type Outcome string

// Outcomes.
const (
	WasStopped Outcome = "stopped"
	Succeeded  Outcome = "succeeds"
	Refused    Outcome = "refused"
	Absent     Outcome = "absent"
)

// Outcomes are those of one kernel: by enforcer, then by ID.
type Outcomes map[string]map[string]Outcome

// ID names an attack under a policy.
func ID(a Attack, t Try) string { return a.Name + " under " + t.Policy }

// ReadOutcomes reads a file that a run of the attacks has written.
func ReadOutcomes(file string) (Outcomes, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("outcomes of the attacks: %w", err)
	}
	var o Outcomes
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, fmt.Errorf("outcomes of the attacks, %s: %w", file, err)
	}
	return o, nil
}

// Write writes the outcomes.
func (o Outcomes) Write(file string) error {
	data, err := json.MarshalIndent(o, "", " ")
	if err != nil {
		return fmt.Errorf("write outcomes: %w", err)
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

const introduction = `# Attacks

Ways around policies, each a small program, and what came of each, by the enforcer and the kernel. Every attack
was performed in a container without any policy, where it succeeded, and under its policies. *stopped* is what
the rules mean, if nothing else is said; *refused* is a container that does not start under that policy. What
succeeds is printed in bold: by a [residual](../README.md#what-is-enforced-where) that the rule declares for that
mechanism; or by nature, where no rule of the policy is about it: a rule protects a name, and a copy is another.
What does stop the latter is the next line. *works* is no attack, and must go on working.

This file is generated. ` + "`make attacks`" + ` performs the attacks on both kernels and writes it; the integration
suite performs them in every run of ` + "`make test`" + `, but for the few of its long tier. The programs are in
` + "`integration/attacks/programs`" + `, the policies at the end of this file.
`

// Document is docs/attacks.md. Kernels are outcomes by version.
func Document(all []Attack, policies []Policy, kernels map[string]Outcomes) (string, error) {
	var b strings.Builder
	b.WriteString(introduction)
	var columns []column
	for _, enforcer := range []string{"bpf", "apparmor"} {
		for _, kernel := range slices.Sorted(maps.Keys(kernels)) {
			if kernels[kernel][enforcer] != nil {
				columns = append(columns, column{kernel, enforcer})
			}
		}
	}
	group := ""
	for _, a := range all {
		if a.Group() != group {
			group = a.Group()
			fmt.Fprintf(&b, "\n## %s%s\n\n| attack | claim | policy |", strings.ToUpper(group[:1]), group[1:])
			for _, c := range columns {
				fmt.Fprintf(&b, " %s %s |", c.enforcer, c.kernel)
			}
			b.WriteString("\n| --- | --- | --- |" + strings.Repeat(" --- |", len(columns)) + "\n")
		}
		name, claim := strings.TrimPrefix(a.Name, group+"/"), a.Claim
		if a.Needs != "" {
			claim += " Needs " + a.Needs + "."
		}
		for _, t := range a.Tries {
			fmt.Fprintf(&b, "| %s | %s | %s |", name, claim, t.Policy)
			for _, c := range columns {
				seen, ok := kernels[c.kernel][c.enforcer][ID(a, t)]
				switch {
				case !ok && a.Long:
					b.WriteString(" not tried |")
					continue
				case !ok:
					return "", fmt.Errorf("the outcomes of %s on %s lack %s: make attacks performs it", c.enforcer, c.kernel, ID(a, t))
				}
				fmt.Fprintf(&b, " %s |", cell(t, c.enforcer, seen))
			}
			b.WriteString("\n")
			name, claim = "", ""
		}
	}
	b.WriteString("\n## The policies\n")
	for _, p := range policies {
		fmt.Fprintf(&b, "\n`%s`: %s\n\n```yaml\n%s```\n", p.Name, p.About, p.Short)
	}
	return b.String(), nil
}

// column is one of the tables'.
type column struct{ kernel, enforcer string }

func cell(t Try, enforcer string, seen Outcome) string {
	id := t.Residuals[enforcer].ID
	switch {
	case seen == Absent:
		return "-"
	case id != "" && seen == Succeeded:
		return fmt.Sprintf("**succeeds** %s", id)
	case id != "" && t.Result == Stopped:
		return string(seen) // where the residual shows on later kernels only
	case id != "":
		return fmt.Sprintf("**denied** %s", id)
	case t.Result == Works:
		return "works"
	case t.Result == ByNature:
		return "**succeeds** by nature"
	}
	return string(seen)
}
