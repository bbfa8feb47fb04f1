package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/prearm/prearm/policy"
)

// Results are the observations of one enforcer on one kernel, by the rows' IDs.
type Results map[string]Observation

// MarshalJSON writes an observation as one string: the verdict, and after a
// space the residual if there is one.
func (o Observation) MarshalJSON() ([]byte, error) {
	return json.Marshal(strings.TrimSuffix(string(o.Verdict)+" "+o.Residual, " "))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (o *Observation) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	verdict, residual, _ := strings.Cut(text, " ")
	*o = Observation{policy.Action(verdict), residual}
	return nil
}

// ReadResults reads a file that a run of the rows has written.
func ReadResults(file string) (Results, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("results of the conformance rows: %w", err)
	}
	var r Results
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("results of the conformance rows, %s: %w", file, err)
	}
	return r, nil
}

// Write writes the results, one row a line.
func (r Results) Write(file string) error {
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

// Verdicts are the model's on each row, by ID, for a target that enforces as
// much as it can.
func Verdicts(cases []*Case, target Target) (map[string]policy.Action, error) {
	all := make(map[string]policy.Action)
	for _, c := range cases {
		alone, err := compileCase(c, target)
		if err != nil {
			return nil, fmt.Errorf("case %d (%s): %w", c.Number, c.policy(), err)
		}
		for i, r := range c.Rows() {
			all[r.ID()] = alone.rows[i].verdict
		}
	}
	return all, nil
}

const introduction = `# Conformance

What policies mean, row by row, and what came of each on two kernels, under each of the enforcers that sees who
does what to which path: AppArmor, and the guard, as the setting ` + "`enforcer`" + ` names them. Every row was performed
in a container: once without any policy, where the access succeeds, and once under its policy. Denials were tried
and denied with the right errno, audits permitted; both with an alert in the kernel's records, but for what a
dropped capability or a seccomp filter denies. Of a *refused* row, the start was tried and refused.

This file is generated. ` + "`make conformance`" + ` performs the rows on both kernels again and writes it; the
integration suite performs them in every run of ` + "`make test`" + ` and compares with the reference model directly.

How to read it: ` + "`~`" + ` is a folder of the row's own and ` + "`#`" + ` a number. A rule is its action, class, matcher
and flags; *from* is fromSource, *cluster* a KubeArmorClusterPolicy, *enforce* the annotation
prearm.dev/syscalls; what is not allowed meets the posture *block* unless the row says *audit*. Accesses are by
root and to root's files unless *uid* and *owner* say otherwise, and by no source unless *as* names one. A
verdict that differs from the model's is followed by the [residual](../README.md#what-is-enforced-where) that
the rule declares for it; *refused* is a container that does not start, because a rule of it cannot be
enforced. ` + "`/s`" + `, ` + "`/t`" + ` and so on are the sources.
`

// Table is docs/conformance.md. Its columns are results, by kernel and enforcer.
func Table(cases []*Case, verdicts map[string]policy.Action, columns map[string]Results) (string, error) {
	names := slices.Sorted(maps.Keys(columns))
	var b strings.Builder
	b.WriteString(introduction)
	if err := summary(&b, Rows(cases), names, columns); err != nil {
		return "", err
	}
	var groups []string
	byGroup := make(map[string][]*Case)
	for _, c := range cases {
		if byGroup[c.Group] == nil {
			groups = append(groups, c.Group)
		}
		byGroup[c.Group] = append(byGroup[c.Group], c)
	}
	for _, group := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n| policy | access | model |", strings.ToUpper(group[:1])+group[1:])
		for _, column := range names {
			fmt.Fprintf(&b, " %s |", column)
		}
		b.WriteString("\n| --- | --- | --- |" + strings.Repeat(" --- |", len(names)) + "\n")
		for _, c := range byGroup[group] {
			cell := "`" + c.policy() + "`"
			for _, r := range c.Rows() {
				fmt.Fprintf(&b, "| %s | `%s` | %s |", cell, r.Access, verdicts[r.ID()])
				for _, column := range names {
					o := columns[column][r.ID()]
					fmt.Fprintf(&b, " %s |", o.cell())
				}
				b.WriteString("\n")
				cell = ""
			}
		}
	}
	return b.String(), nil
}

// summary counts what came of the rows.
func summary(b *strings.Builder, rows []Row, names []string, columns map[string]Results) error {
	counts := make(map[string]map[string]int) // by what, then column
	for _, column := range names {
		for _, r := range rows {
			o, ok := columns[column][r.ID()]
			if !ok {
				return fmt.Errorf("the results of %s lack the row %q: make conformance performs it", column, r.ID())
			}
			what := "as the model says"
			switch {
			case o.Verdict == Refused:
				what = "refused: a rule cannot be enforced"
			case o.Residual != "":
				what = "`" + o.Residual + "`"
			}
			if counts[what] == nil {
				counts[what] = make(map[string]int)
			}
			counts[what][column]++
		}
	}
	line := func(what string, count func(column string) string) {
		fmt.Fprintf(b, "| %s |", what)
		for _, column := range names {
			fmt.Fprintf(b, " %s |", count(column))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	line("rows", func(column string) string { return column })
	line("---", func(string) string { return "--:" })
	line("all", func(string) string { return fmt.Sprint(len(rows)) })
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		line(what, func(column string) string { return fmt.Sprint(counts[what][column]) })
	}
	return nil
}

func (o Observation) cell() string {
	if o.Residual == "" {
		return string(o.Verdict)
	}
	return fmt.Sprintf("**%s** %s", o.Verdict, o.Residual)
}
