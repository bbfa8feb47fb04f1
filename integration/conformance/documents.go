package conformance

import (
	"encoding/json"
	"fmt"

	"github.com/prearm/prearm/policy"
)

// Document is a policy file: its name and its text, which is JSON.
type Document struct {
	Name, Text string
}

// Documents are the pack's policies, named by a word of letters, digits and
// dashes, for the namespace's containers that have it as their label "pack".
func (p *Pack) Documents(namespace, label string) ([]Document, error) {
	var documents []Document
	selected := map[string]any{"matchLabels": map[string]string{"pack": label}}
	everywhere := map[string]any{"matchExpressions": []any{
		map[string]any{"key": "namespace", "operator": "In", "values": []string{namespace}},
		map[string]any{"key": "label", "operator": "In", "values": []string{"pack=" + label}},
	}}
	for _, d := range []struct {
		name, kind string
		selector   map[string]any
		has        func(policy.Rule) bool
	}{
		{"cluster", policy.KindClusterPolicy, everywhere, func(r policy.Rule) bool { return r.Tier == policy.Cluster }},
		{"namespaced", policy.KindPolicy, selected, func(r policy.Rule) bool { return r.Tier == policy.Namespaced && !r.Enforce }},
		{"enforced", policy.KindPolicy, selected, func(r policy.Rule) bool { return r.Tier == policy.Namespaced && r.Enforce }},
	} {
		name := label + "-" + d.name
		metadata := map[string]any{"name": name}
		if d.kind == policy.KindPolicy {
			metadata["namespace"] = namespace
		}
		if d.name == "enforced" {
			metadata["annotations"] = map[string]string{policy.AnnotationSyscalls: "enforce"}
		}
		spec := map[string]any{"selector": d.selector}
		count := 0
		for _, r := range p.Rules {
			if !d.has(r) {
				continue
			}
			count++
			class, list, fields := entry(r)
			section, _ := spec[class].(map[string]any)
			if section == nil {
				section = make(map[string]any)
				spec[class] = section
			}
			entries, _ := section[list].([]any)
			section[list] = append(entries, fields)
		}
		if count == 0 {
			continue
		}
		text, err := json.MarshalIndent(map[string]any{
			"apiVersion": policy.APIVersion, "kind": d.kind, "metadata": metadata, "spec": spec,
		}, "", " ")
		if err != nil {
			return nil, fmt.Errorf("write the policy of a pack: %w", err)
		}
		documents = append(documents, Document{name + ".json", string(text)})
	}
	return documents, nil
}

// entry is a rule as policies have it.
func entry(r policy.Rule) (section, list string, fields map[string]any) {
	fields = map[string]any{"action": r.Action, "severity": r.Severity, "message": r.Message}
	section = string(r.Class)
	switch r.Object.Kind {
	case policy.Path:
		list, fields["path"] = "matchPaths", r.Object.Name
	case policy.ExecName:
		list, fields["execname"] = "matchPaths", r.Object.Name
	case policy.Directory:
		list, fields["dir"] = "matchDirectories", r.Object.Name+"/"
	case policy.Pattern:
		list, fields["pattern"] = "matchPatterns", r.Object.Name
	case policy.Protocol:
		list, fields["protocol"] = "matchProtocols", r.Object.Name
	case policy.Capability:
		list, fields["capability"] = "matchCapabilities", r.Object.Name
	case policy.Syscall:
		list, fields["syscall"] = "matchSyscalls", []string{r.Object.Name}
		if r.Object.Target != "" {
			list, fields["path"] = "matchPaths", r.Object.Target
		}
	}
	for name, set := range map[string]bool{
		"recursive": r.Object.Recursive, "readOnly": r.ReadOnly, "ownerOnly": r.OwnerOnly,
	} {
		if set {
			fields[name] = true
		}
	}
	if len(r.Sources) > 0 {
		fields["fromSource"] = r.Sources
	}
	return section, list, fields
}
