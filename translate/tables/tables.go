// Package tables makes the documents' tables out of the code that they
// describe: each row is a rule that was really compiled.
package tables

//go:generate go test -run TestREADMEIsUpToDate . -update

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/rootfs"
)

// row is one kind of rule, by an example.
type row struct {
	name string
	rule policy.Rule
}

func rows() []row {
	path := func(class policy.Class, p string) policy.Rule {
		return policy.Rule{Class: class, Object: policy.Object{Kind: policy.Path, Name: p}}
	}
	with := func(r policy.Rule, change func(*policy.Rule)) policy.Rule { change(&r); return r }
	network := func(p string) policy.Rule {
		return policy.Rule{Class: policy.Network, Object: policy.Object{Kind: policy.Protocol, Name: p}}
	}
	process, file := path(policy.Process, "/usr/bin/tool"), path(policy.File, "/etc/secret")
	capability := policy.Rule{Class: policy.Capabilities, Object: policy.Object{Kind: policy.Capability, Name: "CAP_NET_RAW"}}
	syscall := policy.Rule{Class: policy.Syscalls, Object: policy.Object{Kind: policy.Syscall, Name: "ptrace"}}
	return []row{
		{"process: path", process},
		{"process: directory, recursive", with(process, func(r *policy.Rule) {
			r.Object = policy.Object{Kind: policy.Directory, Name: "/usr/local/bin/", Recursive: true}
		})},
		{"process: pattern", with(process, func(r *policy.Rule) {
			r.Object = policy.Object{Kind: policy.Pattern, Name: "/usr/bin/py*"}
		})},
		{"process: execname", with(process, func(r *policy.Rule) {
			r.Object = policy.Object{Kind: policy.ExecName, Name: "nc"}
		})},
		{"file: path", file},
		{"file: path, readOnly", with(file, func(r *policy.Rule) { r.ReadOnly = true })},
		{"file: directory, recursive", with(file, func(r *policy.Rule) {
			r.Object = policy.Object{Kind: policy.Directory, Name: "/etc/ssl/", Recursive: true}
		})},
		{"network: tcp, udp, icmp, sctp", network("tcp")},
		{"network: raw, all", network("raw")},
		{"capabilities", capability},
		{"syscalls, policy annotated `prearm.dev/syscalls: enforce`", with(syscall, func(r *policy.Rule) { r.Enforce = true })},
		{"syscalls, not annotated", syscall},
		{"any, with fromSource", with(process, func(r *policy.Rule) { r.Sources = []policy.Source{{Path: "/usr/bin/bash"}} })},
		{"any, with ownerOnly", with(file, func(r *policy.Rule) { r.OwnerOnly = true })},
	}
}

// hosts are one that has AppArmor, one that loads the guard, and one that has
// neither.
func hosts() (armor, guard, bare translate.Host) {
	bare = translate.Host{Kernel: "6.12", CgroupBPF: true, Seccomp: true}
	armor, guard = bare, bare
	armor.AppArmor, armor.AppArmorParser = true, "/usr/sbin/apparmor_parser"
	guard.BPFLSM, guard.Guard = true, true
	return armor, guard, bare
}

// Enforcement is the table of what enforces which rule, in Markdown.
func Enforcement() (string, error) {
	empty, err := os.MkdirTemp("", "prearm-tables-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(empty)
	var b strings.Builder
	b.WriteString("| rule | Block, with AppArmor | Allow | Audit | with the guard | with neither |\n| --- | --- | --- | --- | --- | --- |\n")
	armor, guard, bare := hosts()
	for _, row := range rows() {
		var cells []string
		for _, c := range []struct {
			action policy.Action
			host   translate.Host
		}{{policy.Block, armor}, {policy.Allow, armor}, {policy.Audit, armor}, {policy.Block, guard}, {policy.Audit, guard}, {policy.Block, bare}} {
			cell, err := cell(row.rule, c.action, c.host, empty)
			if err != nil {
				return "", fmt.Errorf("%s: %w", row.name, err)
			}
			cells = append(cells, cell)
		}
		if cells[3] != cells[4] {
			cells[3] += "; Audit: " + cells[4]
		}
		fmt.Fprintf(&b, "| %s | %s |\n", row.name, strings.Join(slices.Delete(cells, 4, 5), " | "))
	}
	return b.String(), nil
}

// cell compiles one rule and says what came of it.
func cell(rule policy.Rule, action policy.Action, host translate.Host, dir string) (string, error) {
	root, err := rootfs.New(dir, nil)
	if err != nil {
		return "", err
	}
	defer root.Close()
	rule.Tier, rule.Action, rule.Severity = policy.Namespaced, action, 1
	plan, err := translate.Compile(translate.Input{
		Rules:   []policy.Rule{rule},
		Posture: policy.Posture{File: policy.Block, Network: policy.Block, Capabilities: policy.Block},
		Host:    host,
		Root:    root,
	})
	if err != nil {
		return "", err
	}
	c := plan.Coverage[0]
	if c.Unenforceable != "" {
		return "refused", nil
	}
	var by []string
	for _, m := range c.Mechanisms {
		by = append(by, string(m))
	}
	text := strings.Join(by, " and ")
	if len(c.Residuals) > 0 {
		text += "*"
	}
	return text, nil
}

// Residuals is the closed list of residuals, in Markdown.
func Residuals() string {
	var b strings.Builder
	b.WriteString("| residual | meaning | shown by |\n| --- | --- | --- |\n")
	for _, r := range translate.Residuals {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` |\n", r.ID, r.Sentence, r.Test)
	}
	return b.String()
}
