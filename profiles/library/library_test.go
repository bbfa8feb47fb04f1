package library

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/reader"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/rootfs"
)

// read is the one policy that a text holds.
func read(t *testing.T, text string) policy.Policy {
	t.Helper()
	f := reader.Read("policy.yaml", strings.NewReader(text))
	if len(f.Errors()) > 0 || len(f.Policies) != 1 || len(f.Namespaces) > 0 {
		t.Fatalf("%d policies, %v:\n%s", len(f.Policies), f.Errors(), text)
	}
	return f.Policies[0]
}

func each(t *testing.T, test func(t *testing.T, p Policy)) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		t.Run(p.Name, func(t *testing.T) { test(t, p) })
	}
}

// TestForm holds every file to the library's form: what comments it has, whom
// it selects, what an alert of it says.
func TestForm(t *testing.T) {
	each(t, func(t *testing.T, p Policy) {
		made := read(t, p.Text)
		if made.Name != p.Name || made.Kind != policy.KindPolicy || made.Namespace != "default" {
			t.Errorf("it is the %s %s/%s", made.Kind, made.Namespace, made.Name)
		}
		if made.Selects(policy.Subject{Namespace: "default"}) {
			t.Error("it applies to containers that nobody asked to harden")
		}
		if !made.Selects(policy.Subject{Namespace: "default", Labels: map[string]string{Label: "true"}}) {
			t.Error("it does not apply to what has the label")
		}
		for _, r := range made.Rules {
			tagged := slices.ContainsFunc(r.Tags, regexp.MustCompile(`^MITRE_T\d{4}(\.\d{3})?_[a-z_]+$`).MatchString)
			if r.Action != policy.Block || r.Severity < 2 || r.Message == "" || !tagged || r.Unsupported != "" {
				t.Errorf("%s: %+v", r.Address, r)
			}
		}
	})
}

// TestResidualsAreNamed: an id in a comment is one of the closed list, and one
// that the policy has on a node with everything.
func TestResidualsAreNamed(t *testing.T) {
	host := translate.Host{Kernel: "6.12.0", AppArmor: true, AppArmorParser: "/usr/sbin/apparmor_parser", CgroupBPF: true, Seccomp: true}
	each(t, func(t *testing.T, p Policy) {
		root, err := rootfs.New(t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		plan, err := translate.Compile(translate.Input{Rules: read(t, p.Text).Rules, Host: host, Root: root})
		if err != nil {
			t.Fatal(err)
		}
		if left := plan.Unenforced(); len(left) > 0 {
			t.Errorf("nothing enforces %v", left)
		}
		for _, id := range regexp.MustCompile(`\b(apparmor|network|seccomp)-[a-z0-9-]+`).FindAllString(p.Residuals, -1) {
			if !slices.Contains(plan.Residuals(), id) {
				t.Errorf("%s is no residual of it: %v", id, plan.Residuals())
			}
		}
	})
}

// TestFor fills in whom a policy is for: nothing that is given becomes YAML.
func TestFor(t *testing.T) {
	labels := func(pairs ...string) map[string]string {
		m := make(map[string]string)
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	each(t, func(t *testing.T, p Policy) {
		want := read(t, p.Text)
		for _, test := range []struct {
			namespace string
			labels    map[string]string
		}{
			{"", nil},
			{"shop", nil},
			{"shop", labels("app", "web", "tier", "front")},
			{"true", labels("yes", "no", "1", "2")},
			{"", labels("a\"b: c\n  namespace: x", "\\\"}\n- 'x' # {[&*!|>%@`")},
			{"", labels("é", "ü😀\x7f\t")},
		} {
			for _, cluster := range []bool{false, true} {
				text, err := p.For(test.namespace, test.labels, cluster)
				if err != nil {
					t.Fatal(err)
				}
				made := read(t, text)
				subject := policy.Subject{Namespace: test.namespace, Labels: test.labels}
				if test.labels == nil {
					subject.Labels = labels(Label, "true")
				}
				if test.namespace == "" {
					subject.Namespace = "default"
				}
				if (made.Kind == policy.KindClusterPolicy) != cluster || made.Name != want.Name || len(made.Rules) != len(want.Rules) {
					t.Errorf("%+v: made the %s %s of %d rules", test, made.Kind, made.Name, len(made.Rules))
				}
				if !made.Selects(subject) {
					t.Errorf("%+v: it does not select %+v:\n%s", test, subject, text)
				}
				if made.Selects(policy.Subject{Namespace: subject.Namespace}) {
					t.Errorf("%+v: it selects what has no labels", test)
				}
				elsewhere := policy.Subject{Namespace: "elsewhere", Labels: subject.Labels}
				if made.Selects(elsewhere) != (cluster && test.namespace == "") {
					t.Errorf("%+v, cluster %v: in another namespace it selects %v", test, cluster, made.Selects(elsewhere))
				}
			}
		}
	})
}

// TestParagraph reads comments as they are wrapped.
func TestParagraph(t *testing.T) {
	text := "# Stops: one\n# two.\n#\n# May break: three\nkind: x\n# Residuals: inside\n"
	for heading, want := range map[string]string{"Stops": "one two.", "May break": "three", "Residuals": "inside", "Nothing": ""} {
		if got := paragraph(text, heading); got != want {
			t.Errorf("%s: %q, want %q", heading, got, want)
		}
	}
	if got := fmt.Sprint(quote(Label), quote("a\"b")); got != `prearm.dev/harden"a\"b"` {
		t.Error(got)
	}
}
