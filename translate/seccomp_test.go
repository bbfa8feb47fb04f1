package translate

import (
	"slices"
	"testing"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

func TestSyscalls(t *testing.T) {
	rule := func(name string, change ...func(*policy.Rule)) policy.Rule {
		r := policy.Rule{
			Tier: policy.Namespaced, Class: policy.Syscalls, Action: policy.Block, Enforce: true,
			Object: policy.Object{Kind: policy.Syscall, Name: name}, Address: name,
		}
		for _, c := range change {
			c(&r)
		}
		return r
	}
	auditOnly := func(r *policy.Rule) { r.Enforce = false }
	enforced := Coverage{Mechanisms: []Mechanism{BySeccomp}}
	for _, test := range []struct {
		name     string
		rules    []policy.Rule
		host     Host
		syscalls []string
		want     []Coverage
	}{
		{
			name:  "blocks, sorted and once each",
			rules: []policy.Rule{rule("unlink"), rule("mount"), rule("unlink")}, host: Host{Seccomp: true},
			syscalls: []string{"mount", "unlink"}, want: []Coverage{enforced, enforced, enforced},
		},
		{
			name:  "without the annotation",
			rules: []policy.Rule{rule("unlink", auditOnly)}, host: Host{Seccomp: true},
			want: []Coverage{{Unenforceable: "prearm.dev/syscalls: enforce"}},
		},
		{
			name: "actions that only audit",
			rules: []policy.Rule{
				rule("unlink", func(r *policy.Rule) { r.Action = policy.Audit }),
				rule("mount", func(r *policy.Rule) { r.Action = policy.Allow }),
			},
			host: Host{Seccomp: true},
			want: []Coverage{{Unenforceable: "action Audit"}, {Unenforceable: "action Allow"}},
		},
		{
			name: "what a filter cannot see",
			rules: []policy.Rule{
				rule("unlink", func(r *policy.Rule) { r.Sources = []policy.Source{{Path: "/bin/sh"}} }),
				rule("unlink", func(r *policy.Rule) { r.Sources = []policy.Source{{Dir: "/bin/"}} }),
				rule("unlink", func(r *policy.Rule) { r.Object.Target = "/etc/passwd" }),
			},
			host: Host{Seccomp: true},
			want: []Coverage{{Unenforceable: "fromSource"}, {Unenforceable: "fromSource"}, {Unenforceable: "matchPaths"}},
		},
		{
			name:  "the runtime's own calls",
			rules: []policy.Rule{rule("execve"), rule("clone3"), rule("ptrace")}, host: Host{Seccomp: true},
			syscalls: []string{"ptrace"},
			want:     []Coverage{{Unenforceable: "runc itself calls execve"}, {Unenforceable: "runc itself calls clone3"}, enforced},
		},
		{
			name:  "without seccomp",
			rules: []policy.Rule{rule("unlink")},
			want:  []Coverage{{Unenforceable: "no seccomp"}},
		},
		{
			name:  "calls that 32-bit programs reach through another",
			rules: []policy.Rule{rule("connect"), rule("shmget")}, host: Host{Seccomp: true},
			syscalls: []string{"connect", "shmget"},
			want: []Coverage{
				{Mechanisms: []Mechanism{BySeccomp}, Residuals: []string{"seccomp-multiplexer"}},
				{Mechanisms: []Mechanism{BySeccomp}, Residuals: []string{"seccomp-multiplexer"}},
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, out := compileOne(t, compileSyscalls, test.rules, policy.Posture{}, test.host)
			var syscalls []string
			if p.Seccomp != nil {
				syscalls = p.Seccomp.Syscalls
			}
			if !slices.Equal(syscalls, test.syscalls) {
				t.Errorf("denies %v, want %v", syscalls, test.syscalls)
			}
			compareCoverage(t, out, test.want)
		})
	}
}

func TestSyscallsKeepFamilies(t *testing.T) {
	r := policy.Rule{Class: policy.Syscalls, Action: policy.Block, Enforce: true, Object: policy.Object{Name: "mount"}}
	p := &Plan{Rules: []policy.Rule{r}, Seccomp: &Seccomp{Families: []int{17}}}
	if _, err := compileSyscalls(p, []model.Rule{{Class: r.Class, Action: r.Action, Object: r.Object}}, Host{Seccomp: true}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.Seccomp.Families, []int{17}) || !slices.Equal(p.Seccomp.Syscalls, []string{"mount"}) {
		t.Errorf("got %+v", p.Seccomp)
	}
}
