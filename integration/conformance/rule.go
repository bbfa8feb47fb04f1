package conformance

import (
	"fmt"
	"strings"

	"github.com/prearm/prearm/policy"
)

// parseRule reads a rule's short form:
//
//	[cluster] ACTION CLASS KIND NAME [on TARGET] [recursive] [readOnly] [ownerOnly] [enforce] [from SOURCE,...]
//
// Fields are divided by single spaces.
func parseRule(text string) (policy.Rule, error) {
	r := policy.Rule{Tier: policy.Namespaced, Severity: 1}
	words := strings.Fields(text)
	if len(words) > 0 && words[0] == "cluster" {
		r.Tier, words = policy.Cluster, words[1:]
	}
	if len(words) < 4 {
		return r, fmt.Errorf("rule %q: too short", text)
	}
	r.Action, r.Class = policy.Action(words[0]), policy.Class(words[1])
	r.Object = policy.Object{Kind: policy.ObjectKind(words[2]), Name: words[3]}
	for words = words[4:]; len(words) > 0; words = words[1:] {
		switch words[0] {
		case "recursive":
			r.Object.Recursive = true
		case "readOnly":
			r.ReadOnly = true
		case "ownerOnly":
			r.OwnerOnly = true
		case "enforce":
			r.Enforce = true
		case "from", "on":
			if len(words) < 2 {
				return r, fmt.Errorf("rule %q: nothing after %s", text, words[0])
			}
			if words[0] == "on" {
				r.Object.Target = words[1]
			} else {
				for path := range strings.SplitSeq(words[1], ",") {
					r.Sources = append(r.Sources, policy.Source{Path: path})
				}
			}
			words = words[1:]
		default:
			return r, fmt.Errorf("rule %q: no word %q", text, words[0])
		}
	}
	return r, nil
}
