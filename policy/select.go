package policy

import (
	"slices"
	"strings"
)

// Keys and operators of matchExpressions.
const (
	KeyNamespace  = "namespace"
	KeyLabel      = "label"
	OperatorIn    = "In"
	OperatorNotIn = "NotIn"
)

// ContainerLabel is the label by which a policy picks containers of a pod. It
// stands for the container's name; no pod has to carry it.
const ContainerLabel = "kubearmor.io/container.name"

// Selects reports whether the policy applies to the subject at all. For a
// sandbox it may still have no rules; see RulesFor.
func (p *Policy) Selects(s Subject) bool {
	if p.Kind != KindClusterPolicy && p.Namespace != s.Namespace {
		return false
	}
	return p.Selector.Matches(s)
}

// RulesFor are the policy's rules that the subject is held to: none if the
// policy does not select it, the network rules alone if it is a sandbox (its
// network namespace is the pod's, its processes are nobody's). The result
// shares memory with the policy.
func (p *Policy) RulesFor(s Subject) []Rule {
	if !p.Selects(s) {
		return nil
	}
	if !s.Sandbox {
		return p.Rules
	}
	var rules []Rule
	for _, r := range p.Rules {
		if r.Class == Network {
			rules = append(rules, r)
		}
	}
	return rules
}

// Matches reports whether labels, container name and expressions all hold for
// the subject. The namespace of a namespaced policy is Selects' affair.
func (s *Selector) Matches(subject Subject) bool {
	for k, v := range s.MatchLabels {
		if have, ok := subject.Labels[k]; !ok || have != v {
			return false
		}
	}
	if len(s.Containers) > 0 && !slices.Contains(s.Containers, subject.Container) {
		return false
	}
	for i := range s.Match {
		if !s.Match[i].holds(subject) {
			return false
		}
	}
	return true
}

// holds reports whether one of the values fits (In), or none does (NotIn).
func (e *Expression) holds(subject Subject) bool {
	fits := slices.ContainsFunc(e.Values, func(value string) bool {
		if e.Key == KeyNamespace {
			return value == subject.Namespace
		}
		k, v, _ := strings.Cut(value, "=")
		if k == ContainerLabel {
			return v == subject.Container
		}
		have, ok := subject.Labels[k]
		return ok && have == v
	})
	if e.Operator == OperatorNotIn {
		return !fits
	}
	return fits
}
