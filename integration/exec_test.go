//go:build integration

package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// confinement is what the kernel says of a process's restrictions, once it
// runs: it is the fixture's, which pauses first thing. Before, a process that
// containerd calls started may be in the midst of its execve.
func (n *node) confinement(t *testing.T, pid int) map[string]string {
	t.Helper()
	n.with(t).eventually(func() []string {
		call, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid))
		if err != nil || !strings.HasPrefix(string(call), fmt.Sprint(unix.SYS_PPOLL, " ")) {
			return []string{fmt.Sprintf("process %d, not pausing: %s, %v", pid, call, err)}
		}
		return nil
	})
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters":
			found[name] = strings.TrimSpace(value)
		}
	}
	if len(found) != 8 {
		t.Fatalf("process %d has only %v", pid, found)
	}
	if shared.AppArmor {
		profile, err := os.ReadFile(fmt.Sprintf("/proc/%d/attr/current", pid))
		if err != nil {
			t.Fatal(err)
		}
		found["profile"] = strings.TrimSpace(string(profile))
	}
	return found
}

// TestExecIsConfined compares an exec'd process with the entrypoint, also when
// the exec asks for everything.
func TestExecIsConfined(t *testing.T) {
	everything := func(p *specs.Process) {
		all := []string{"CAP_SYS_CHROOT", "CAP_NET_RAW", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_CHOWN"}
		p.Capabilities = &specs.LinuxCapabilities{Bounding: all, Effective: all, Permitted: all, Inheritable: all, Ambient: all}
		if shared.AppArmor {
			p.ApparmorProfile = "unconfined"
		}
		p.NoNewPrivileges = false
	}
	for name, change := range map[string]func(*Container){
		"as ctr has it":        func(*Container) {},
		"as Kubernetes has it": func(c *Container) { c.Privileges, c.Seccomp = true, true },
	} {
		t.Run(name, func(t *testing.T) {
			n := armed(t)
			c := n.Container(n.fixture, "/act/pause")
			change(&c)
			task := n.start(c)
			first := n.confinement(t, task.Pid)
			if n.byAppArmor() && !strings.HasPrefix(first["profile"], "prearm-") {
				t.Errorf("the entrypoint's profile is %q", first["profile"])
			}
			if first["Seccomp"] != "2" {
				t.Errorf("the entrypoint's seccomp mode is %q", first["Seccomp"])
			}
			plain, err := task.StartExec(t.Context(), nil, "/act/pause")
			if err != nil {
				t.Fatal(err)
			}
			if other := n.confinement(t, plain.Pid); fmt.Sprint(other) != fmt.Sprint(first) {
				t.Errorf("the exec'd process differs from the entrypoint:\n%v\n%v", other, first)
			}
			greedy, err := task.StartExec(t.Context(), everything, "/act/pause")
			if err != nil {
				t.Fatal(err)
			}
			other := n.confinement(t, greedy.Pid)
			for _, field := range []string{"profile", "Seccomp", "Seccomp_filters"} {
				if other[field] != first[field] {
					t.Errorf("a greedy exec has %s %q, the entrypoint %q", field, other[field], first[field])
				}
			}
			for _, c := range enforceable() {
				r, err := task.Exec(t.Context(), everything, "/act/"+c.act)
				if err := judge(c, r, err); err != nil {
					t.Errorf("a greedy exec: %v", err)
				}
			}
		})
	}
}

// TestExecProgramIsJudged refuses to exec a blocked program into a container.
func TestExecProgramIsJudged(t *testing.T) {
	n := newNode(t, `on_unenforceable = "warn"`)
	n.policy("process", classes[0].rule)
	c := n.Container(n.busybox, "/act/pause")
	if r := n.exec(n.start(c.unprotected()), "/bin/victim"); r.Exit != 0 {
		t.Fatalf("without the policy the program ended with %d", r.Exit)
	}
	task := n.start(c)
	for _, name := range []string{"/bin/victim", "victim", "/bin/../bin/victim"} {
		if r, err := task.Exec(t.Context(), nil, name); err == nil || !strings.Contains(err.Error(), "process.matchPaths[0]") {
			t.Errorf("%s: got %+v, %v; want a refusal that names the rule", name, r, err)
		}
	}
	if r, err := task.Exec(t.Context(), nil, "/proc/self/root/bin/victim"); err == nil && r.Exit == 0 {
		t.Errorf("ran through a link of the kernel's")
	}
	if r := n.exec(task, "/act/nothing"); r.Exit != 0 {
		t.Errorf("an innocent program ended with %d", r.Exit)
	}
}
