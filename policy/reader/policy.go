package reader

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prearm/prearm/policy"
)

// Values of the annotation policy.AnnotationSyscalls, and the prefix of all
// annotations of ours: a slip in one must not pass for another's.
const (
	enforce          = "enforce"
	alert            = "audit"
	annotationPrefix = "prearm.dev/"
)

// policy reads a KubeArmorPolicy or KubeArmorClusterPolicy.
func (d *decoder) policy(n *yaml.Node, kind string) (p policy.Policy) {
	var (
		meta metadata
		spec *yaml.Node
	)
	ok := d.object(n, "", fields{
		"apiVersion": func(n *yaml.Node, at string) { d.one(n, at, policy.APIVersion) },
		"kind":       d.kind,
		"metadata":   func(n *yaml.Node, at string) { meta = d.metadata(n, at) },
		"spec":       func(n *yaml.Node, _ string) { spec = n },
		"status":     ignore,
	})
	if !ok {
		return p
	}
	d.required(n, "", "apiVersion", "kind", "metadata", "spec")
	p.Kind, p.Name, p.Position = kind, meta.name, d.position(n)
	if kind == policy.KindPolicy {
		p.Namespace = meta.namespace
		if p.Namespace == "" {
			p.Namespace = defaultNamespace
		}
	}
	enforced := d.enforced(meta)
	if spec == nil {
		return p
	}
	entries := d.spec(spec, "spec", &p)
	if len(d.errs) > 0 {
		return p
	}
	switch {
	case len(entries) == 0:
		// Also what a policy looks like that is just being written.
		d.fail(spec, "spec", "add a rule, or delete the policy", "has no rules")
		return p
	case len(entries) > maxRules:
		d.fail(spec, "spec", "split the policy", "has %d rules, the limit is %d", len(entries), maxRules)
		return p
	}
	p.Rules = finish(entries, &p, enforced)
	if size := bytesOf(p.Rules); size > maxPolicyBytes {
		d.fail(spec, "spec", "split the policy", "takes %d bytes with inherited values written out, the limit is %d", size, maxPolicyBytes)
	}
	return p
}

func (d *decoder) kind(n *yaml.Node, at string) {
	v, ok := d.str(n, at)
	if !ok || v == policy.KindPolicy || v == policy.KindClusterPolicy {
		return
	}
	known := []string{policy.KindPolicy, policy.KindClusterPolicy, policy.KindNamespace}
	suggestion := suggestName(v, known)
	if v == "KubeArmorHostPolicy" {
		suggestion = "host policies are about the node, not about containers"
	}
	d.fail(n, at, suggestion, "%s is no kind that can be enforced", quote(v))
}

func (d *decoder) enforced(meta metadata) bool {
	for key, node := range meta.nodes {
		if !strings.HasPrefix(key, annotationPrefix) {
			continue
		}
		at := "metadata.annotations[" + quote(key) + "]"
		if key != policy.AnnotationSyscalls {
			d.fail(node, at, suggestName(key, []string{policy.AnnotationSyscalls}), "unknown annotation")
			continue
		}
		d.one(node, at, enforce, alert)
	}
	return meta.annotations[policy.AnnotationSyscalls] == enforce
}

// entry is a rule whose inherited values are not resolved yet.
type entry struct {
	common
	rule policy.Rule
	path string // of the entry, such as process.matchPaths[0]
}

// spec reads selector and rules.
func (d *decoder) spec(n *yaml.Node, at string, p *policy.Policy) []entry {
	var (
		outer                                                  common
		process, file, network, capabilities, syscalls, others []entry
	)
	d.object(n, at, d.common(&outer, fields{
		"selector":     func(n *yaml.Node, at string) { d.selector(n, at, p) },
		"process":      func(n *yaml.Node, at string) { process = d.process(n, at) },
		"file":         func(n *yaml.Node, at string) { file = d.file_(n, at) },
		"network":      func(n *yaml.Node, at string) { network = d.network(n, at) },
		"capabilities": func(n *yaml.Node, at string) { capabilities = d.capabilities(n, at) },
		"syscalls":     func(n *yaml.Node, at string) { syscalls = d.syscalls(n, at) },
		"presets":      func(n *yaml.Node, at string) { others = append(others, d.presets(n, at)...) },
		"apparmor": func(n *yaml.Node, at string) {
			if _, ok := d.str(n, at); ok {
				others = append(others, d.unsupported(n, at, policy.File, "apparmor"))
			}
		},
	}))
	var all []entry
	for _, section := range [][]entry{process, file, network, capabilities, syscalls, others} {
		all = append(all, section...)
	}
	for i := range all {
		all[i].inherit(outer)
	}
	return all
}

// unsupported is the entry for something that is understood and cannot be
// enforced: the planner refuses it by name.
func (d *decoder) unsupported(n *yaml.Node, at string, class policy.Class, name string) entry {
	return entry{rule: policy.Rule{Class: class, Unsupported: name, Position: d.position(n)}, path: at}
}

// finish makes rules of the entries.
func finish(entries []entry, p *policy.Policy, enforced bool) []policy.Rule {
	prefix := p.Name + ": "
	if p.Namespace != "" {
		prefix = p.Namespace + "/" + prefix
	}
	rules := make([]policy.Rule, len(entries))
	for i, e := range entries {
		r := e.rule
		r.Tier = p.Tier()
		r.Action, r.Severity, r.Tags, r.Message = e.action, e.severity, e.tags, e.message
		if r.Action == "" {
			r.Action = policy.Block
		}
		if r.Severity == 0 {
			r.Severity = 1
		}
		r.Enforce = enforced && r.Class == policy.Syscalls
		r.Address = prefix + strings.TrimPrefix(e.path, "spec.")
		rules[i] = r
	}
	return rules
}

// bytesOf is about what the rules take written out.
func bytesOf(rules []policy.Rule) int {
	n := 0
	for i := range rules {
		r := &rules[i]
		n += 300 + len(r.Object.Name) + len(r.Object.Target) + len(r.Message) + len(r.Address)
		for _, t := range r.Tags {
			n += len(t) + 3
		}
		for _, s := range r.Sources {
			n += len(s.Path) + len(s.Dir) + 40
		}
	}
	return n
}
