//go:build integration

package integration

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// prearm runs the tool with the node's settings.
func (n *node) prearm(args ...string) (stdout string, exit int) {
	n.Helper()
	cmd := exec.CommandContext(n.Context(), filepath.Join(n.Bin, "prearm"), append([]string{"--config", n.Config}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if cmd.ProcessState == nil {
		n.Fatalf("run prearm: %v", err)
	}
	if stderr.Len() > 0 {
		n.Logf("prearm %s: %s", strings.Join(args, " "), stderr.String())
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// TestExplainSaysWhatStartSays refuses starts for all sorts of reasons: explain
// names each of them beforehand, in the words that the start is refused with.
func TestExplainSaysWhatStartSays(t *testing.T) {
	leaveTo(t, "6.1")
	for name, test := range map[string]struct {
		spec     string
		settings string
		program  string
	}{
		"a blocked entrypoint": {classes[0].rule, `on_unenforceable = "warn"`, "/bin/victim"},
		"what nothing enforces": {`
  file:
    matchPaths:
    - path: /etc/secret
      ownerOnly: true
      fromSource:
      - path: /bin/victim
  syscalls:
    matchSyscalls:
    - syscall: [write, read]
      fromSource:
      - path: /bin/victim
  network:
    matchProtocols:
    - protocol: tcp
      fromSource:
      - path: /bin/victim
`, "", "/act/nothing"},
		"residuals": {tcp, `on_residual = "refuse"`, "/act/nothing"},
		"an unlisted entrypoint": {`
  process:
    matchPaths:
    - path: /bin/victim
  action: Allow
`, `on_unenforceable = "warn"`, "/act/nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, test.settings)
			n.policy("explained", test.spec)
			words := n.refused(n.Container(n.fixture, test.program))
			_, reasons, found := strings.Cut(words, "prearm: judge: ")
			if !found {
				t.Fatalf("refused at another step: %s", words)
			}
			text, exit := n.prearm("explain", "--namespace", n.Namespace, "--label", "app=test", "--rootfs", n.fixture, "--", test.program)
			if exit != 0 {
				t.Errorf("explain ended with %d", exit)
			}
			for reason := range strings.SplitSeq(strings.TrimSuffix(reasons, ": unknown"), "; ") {
				if !strings.Contains(text, reason) {
					t.Errorf("the start is refused with words that explain does not have: %s\n%s", reason, text)
				}
			}
			if t.Failed() {
				t.Log(words)
			}
		})
	}
}

// TestExplainContainer explains a container that runs.
func TestExplainContainer(t *testing.T) {
	leaveTo(t, native)
	n := armed(t)
	task := n.start(n.Container(n.fixture, "/act/pause"))
	text, exit := n.prearm("explain", "--address", n.Address, "--containerd-namespace", n.Namespace, "--container", task.ID, "-o", "json")
	var answer struct {
		Starts bool
		Rules  []struct {
			Position   struct{ File string }
			Mechanisms []string
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || exit != 0 {
		t.Fatalf("explain ended with %d, %v: %s", exit, err, text)
	}
	if !answer.Starts || len(answer.Rules) != len(enforceable()) {
		t.Errorf("%d rules, want %d: %s", len(answer.Rules), len(enforceable()), text)
	}
	for _, rule := range answer.Rules {
		if len(rule.Mechanisms) == 0 {
			t.Errorf("nothing enforces a rule of %s", rule.Position.File)
		}
	}
}

// TestEvents: a denial by a network rule, and an audit hit, are reported with
// the rule's number.
func TestEvents(t *testing.T) {
	n := newNode(t)
	n.policy("net", "  network:\n    matchProtocols:\n    - protocol: tcp\n    - protocol: udp\n      action: Audit")
	task := n.start(n.Container(n.fixture, "/act/pause")) // the programs are loaded now
	cmd := exec.CommandContext(t.Context(), filepath.Join(n.Bin, "prearm"), "--config", n.Config, "events")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	n.must(err)
	n.must(cmd.Start())
	if r := n.exec(task, "/act/tcp"); r.Exit != int(unix.EACCES) {
		t.Errorf("tcp ended with %d", r.Exit)
	}
	if r := n.exec(task, "/act/udp"); r.Exit != 0 {
		t.Errorf("udp, which is audited, ended with %d", r.Exit)
	}
	lines := bufio.NewScanner(out)
	for rule, words := range []string{"Block", "Audit"} {
		if !lines.Scan() {
			t.Fatalf("there is no event for rule %d: %v", rule, lines.Err())
		}
		line := lines.Text()
		t.Log(line)
		for _, word := range []string{words, fmt.Sprintf("rule %d", rule), "create"} {
			if !strings.Contains(line, word) {
				t.Errorf("the event does not say %q: %s", word, line)
			}
		}
	}
	n.must(cmd.Process.Signal(unix.SIGINT))
	if err := cmd.Wait(); err != nil {
		t.Errorf("events, interrupted, ended with %v", err)
	}
}
