package reader

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"github.com/prearm/prearm/policy"
)

// FuzzRead: whatever the bytes, what is read is a policy that the rest of the
// project may take at its word, or a mistake that can be printed.
func FuzzRead(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.yaml", "testdata/good/*.yaml", "testdata/good/*.json", "../testdata/examples/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			f.Fatal(pattern, err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data, strings.HasSuffix(path, ".json"))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, isJSON bool) {
		name := "f.yaml"
		if isJSON {
			name = "f.json"
		}
		file := Read(name, bytes.NewReader(data))
		if len(file.Bad) == 0 && len(file.Policies)+len(file.Namespaces) == 0 {
			t.Error("neither a policy nor a mistake")
		}
		lines := 1
		for _, r := range string(data) {
			if strings.ContainsRune("\n\r\u0085\u2028\u2029", r) { // what YAML 1.1 calls line breaks
				lines++
			}
		}
		for _, e := range file.Errors() {
			if e.Reason == "" || e.File != name || e.Line > lines+1 {
				t.Errorf("mistake %+v", e)
			}
			if text := e.Error(); strings.ContainsFunc(text, unicode.IsControl) {
				t.Errorf("control characters in %q", text)
			}
		}
		for _, b := range file.Bad {
			if len(b.Errors) == 0 || b.Everywhere == (b.Namespace != "") && b.Kind != policy.KindClusterPolicy {
				t.Errorf("bad document %+v", b)
			}
		}
		seen := map[string]bool{}
		for i := range file.Policies {
			p := &file.Policies[i]
			if err := sound(p); err != nil {
				t.Error(err)
			}
			for _, r := range p.Rules {
				if seen[p.Kind+r.Address] {
					t.Errorf("two rules have the address %s", r.Address)
				}
				seen[p.Kind+r.Address] = true
			}
			// It goes through the index as JSON.
			text, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			var back policy.Policy
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatal(err)
			}
			again, err := json.Marshal(back)
			if err != nil || !bytes.Equal(text, again) || !reflect.DeepEqual(p.Selector, back.Selector) {
				t.Errorf("%s came back as %s (%v)", text, again, err)
			}
		}
	})
}

// sound checks what others rely on.
func sound(p *policy.Policy) error {
	if p.Kind != policy.KindPolicy && p.Kind != policy.KindClusterPolicy || !validName.MatchString(p.Name) ||
		(p.Kind == policy.KindPolicy) != validName.MatchString(p.Namespace) || len(p.Rules) == 0 || len(p.Rules) > maxRules {
		return fmt.Errorf("policy %+v", p)
	}
	for _, e := range p.Selector.Match {
		if e.Key != policy.KeyNamespace && e.Key != policy.KeyLabel || e.Operator != policy.OperatorIn && e.Operator != policy.OperatorNotIn || len(e.Values) == 0 {
			return fmt.Errorf("expression %+v", e)
		}
	}
	for _, r := range p.Rules {
		if err := soundRule(&r); err != nil {
			return fmt.Errorf("rule %+v: %w", r, err)
		}
	}
	return nil
}

func soundRule(r *policy.Rule) error {
	if r.Severity < 1 || r.Severity > 10 || r.Action != policy.Allow && r.Action != policy.Audit && r.Action != policy.Block {
		return fmt.Errorf("severity %d, action %s", r.Severity, r.Action)
	}
	canonical := func(s string) bool {
		return path.Clean(s) == s && path.IsAbs(s) && len(s) <= maxPath && !strings.ContainsFunc(s, unicode.IsControl)
	}
	for _, s := range r.Sources {
		if (s.Path == "") == (s.Dir == "") || s.Path != "" && !canonical(s.Path) || s.Dir != "" && !canonical(s.Dir) {
			return fmt.Errorf("source %+v", s)
		}
	}
	o := r.Object
	ok := false
	switch o.Kind {
	case policy.Path:
		ok = canonical(o.Name) && o.Name != "/"
	case policy.Directory:
		ok = canonical(o.Name)
	case policy.Pattern:
		ok = path.IsAbs(o.Name) && !strings.ContainsFunc(o.Name, func(c rune) bool { return unicode.IsControl(c) || c == '"' })
	case policy.ExecName:
		ok = o.Name != "" && path.Base(o.Name) == o.Name
	case policy.Protocol:
		ok = strings.ToLower(o.Name) == o.Name && o.Name != ""
	case policy.Capability:
		ok = strings.HasPrefix(o.Name, "CAP_")
	case policy.Syscall:
		ok = syscallShape.MatchString(o.Name) && (o.Target == "" || canonical(strings.TrimSuffix(o.Target, "/")) || o.Target == "/")
	default:
		ok = r.Unsupported != ""
	}
	if !ok {
		return fmt.Errorf("object %+v", o)
	}
	return nil
}
