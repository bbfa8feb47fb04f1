//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/hooks/host"
	"github.com/prearm/prearm/integration/conformance"
	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/shim/config"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/rootfs"
)

// conformer performs the rows of the conformance table.
type conformer struct {
	*node
	root  *rootfs.Root
	image string
	host  translate.Host
	audit *AuditLog // nil without AppArmor
	nodes map[policy.Action]*node
	free  map[string]outcome // of each row without policies, by marker
}

// outcome is how the actor's try of a row ended.
type outcome struct {
	stage string // that failed, if errno is not 0
	errno unix.Errno
}

// TestConformance performs every row of the language on this kernel: without a
// policy the access succeeds, and under its policy it ends as the model says,
// or as a residual that its rules declare. With PREARM_CONFORMANCE set, the
// verdicts are written to that file, for the table.
func TestConformance(t *testing.T) {
	began := time.Now()
	c := newConformer(t)
	cases := conformance.Cases()
	c.makeImage(cases)
	packs, err := conformance.MakePacks(cases, c.host, c.root)
	c.must(err)
	c.write(packs)
	t.Logf("%d rows of %d cases in %d packs, after %v", len(conformance.Rows(cases)), len(cases), len(packs), time.Since(began))
	c.free = c.perform("no policies", c.Container(c.image).unprotected(), packs...)
	t.Logf("performed without policies, after %v", time.Since(began))

	seen := make(conformance.Results)
	failures := make(map[string][]string) // by group
	excuses := make(map[string]int)
	for i, p := range packs {
		expected, err := p.Expect(c.host, c.root)
		c.must(err)
		got, alerted := c.enforce(i, p)
		for _, e := range expected {
			observed, wrong := c.compare(e, got, alerted)
			seen[e.ID()] = observed
			if observed.Residual != "" {
				excuses[observed.Residual]++
			}
			if wrong != "" {
				failures[e.Group] = append(failures[e.Group], fmt.Sprintf("%s: %s (case %d, pack %d)\n%s",
					e.ID(), wrong, e.Number, i, strings.Join(alerted[e.Marker()].records, "\n")))
			}
		}
		t.Logf("pack %d: %d rows, after %v", i, len(expected), time.Since(began))
	}
	for id, count := range excuses {
		t.Logf("%s explains %d rows", id, count)
	}
	var groups []string
	for _, k := range cases {
		if !slices.Contains(groups, k.Group) {
			groups = append(groups, k.Group)
		}
	}
	for _, group := range groups {
		t.Run(group, func(t *testing.T) {
			for _, f := range failures[group] {
				t.Error(f)
			}
		})
	}
	if file := os.Getenv("PREARM_CONFORMANCE"); file != "" {
		c.must(seen.Write(file))
	}
}

func newConformer(t *testing.T) *conformer {
	c := &conformer{node: newNode(t), nodes: make(map[policy.Action]*node)}
	for posture, word := range map[policy.Action]string{policy.Block: "block", policy.Audit: "audit"} {
		c.nodes[posture] = newNode(t, fmt.Sprintf("[posture]\nfile = %q\nnetwork = %q\ncapabilities = %q", word, word, word))
	}
	c.host = host.Probe(&config.Config{BPFFS: c.BPFFS, State: c.State})
	if c.AppArmor {
		var err error
		c.audit, err = OpenAuditLog()
		c.must(err)
		t.Cleanup(func() { c.check(c.audit.Close()) })
	}
	return c
}

func (c *conformer) makeImage(cases []*conformance.Case) {
	c.image = filepath.Join(c.Scratch, "images/conformance")
	c.must(os.MkdirAll(c.image, 0o755))
	c.Cleanup(func() { c.check(os.RemoveAll(c.image)) })
	c.must(conformance.WriteImage(c.image, filepath.Join(c.Fixture, "actor"), filepath.Join(c.Fixture, "nothing"), cases))
	var err error
	c.root, err = rootfs.New(c.image, nil)
	c.must(err)
	c.Cleanup(func() { c.root.Close() })
}

// write puts the policies of all packs in force, each for containers with a
// label of its own.
func (c *conformer) write(packs []*conformance.Pack) {
	for i, p := range packs {
		n := c.nodes[p.Posture]
		documents, err := p.Documents(n.Namespace, packLabel(i))
		c.must(err)
		for _, d := range documents {
			n.file(d.Name, d.Text)
		}
	}
}

func packLabel(i int) string { return fmt.Sprintf("p%d", i) }

// perform runs the actor with the packs' rows in one container.
func (c *conformer) perform(what string, container Container, packs ...*conformance.Pack) map[string]outcome {
	c.Helper()
	var cases []*conformance.Case
	container.Args = []string{conformance.Actor}
	for _, p := range packs {
		if len(p.Refused) == 0 {
			container.Args = append(container.Args, p.Items()...)
			cases = append(cases, p.Cases...)
		}
	}
	container.Privileges = true
	task, err := c.Create(c.Context(), container)
	if err != nil {
		c.Fatalf("%s: %v", what, err)
	}
	defer func() { c.check(task.Delete(c.Context())) }()
	inside := filepath.Join("/proc", strconv.Itoa(task.Pid), "root")
	for _, name := range conformance.Folders(cases) {
		c.must(os.Mkdir(filepath.Join(inside, name), 0o777))
	}
	for _, name := range conformance.Sockets(cases) {
		c.listen(filepath.Join(inside, name))
	}
	c.must(task.Start(c.Context()))
	r, err := task.Wait(c.Context())
	if err != nil || r.Exit != 0 {
		c.Fatalf("%s: the actor ended with %+v, %v", what, r, err)
	}
	ends := make(map[string]outcome)
	for line := range strings.Lines(r.Stdout) {
		words := strings.Fields(line)
		if len(words) != 3 {
			c.Fatalf("%s: the actor says %q", what, line)
		}
		errno, err := strconv.Atoi(words[2])
		c.must(err)
		ends[words[0]] = outcome{words[1], unix.Errno(errno)}
	}
	return ends
}

// listen makes a unix socket that anyone may connect to, until the test ends.
func (c *conformer) listen(at string) {
	c.Helper()
	l, err := (&net.ListenConfig{}).Listen(c.Context(), "unix", at)
	c.must(err)
	c.must(os.Chmod(at, 0o777))
	l.(*net.UnixListener).SetUnlinkOnClose(false) //nolint:errcheck // Listen on "unix" gives no other
	c.Cleanup(func() { l.Close() })
}

// alerts are those of one row: what counts as one, and all that was recorded
// of its process.
type alerts struct {
	alerted bool
	records []string
}

// enforce performs a pack under its policies. It returns how each row ended
// and its alerts, by marker; nothing for a pack whose start is refused, as it
// must be.
func (c *conformer) enforce(i int, p *conformance.Pack) (map[string]outcome, map[string]alerts) {
	n := c.nodes[p.Posture]
	container := n.Container(c.image)
	container.Labels = map[string]string{"pack": packLabel(i)}
	if len(p.Refused) > 0 {
		container.Args = []string{conformance.Actor}
		_, err := c.Create(c.Context(), container)
		var refusal *Refusal
		if !errors.As(err, &refusal) {
			c.Fatalf("pack %d: got %v, want a refused start", i, err)
		}
		if got := strings.Count(refusal.Message(), "cannot be enforced"); got != len(p.Refused) {
			c.Errorf("pack %d: %d rules are refused, want %q: %s", i, got, p.Refused, refusal.Message())
		}
		return nil, nil
	}
	if c.audit != nil {
		_, err := c.audit.Drain()
		c.must(err)
	}
	got := c.perform(fmt.Sprintf("pack %d", i), container, p)
	return got, c.alerts(n, p)
}

// alerts are what the kernel recorded of the pack's rows, by marker.
func (c *conformer) alerts(n *node, p *conformance.Pack) map[string]alerts {
	all := make(map[string]alerts)
	if c.audit != nil {
		records, err := c.audit.Drain()
		c.must(err)
		rows := make(map[string]conformance.Row)
		for _, row := range conformance.Rows(p.Cases) {
			rows[row.Marker()] = row
		}
		for _, r := range records {
			if row, ok := rows[r.Comm]; ok {
				a := all[r.Comm]
				all[r.Comm] = alerts{a.alerted || about(r, row), append(a.records, r.Text)}
			}
		}
	}
	for _, e := range c.events(n) {
		all[e.Comm] = alerts{true, append(all[e.Comm].records, e.String())}
	}
	return all
}

// events are those of the node's network rules since the last time.
func (c *conformer) events(n *node) []bpf.Event {
	programs, err := bpf.OpenPinned(n.BPFFS)
	if errors.Is(err, bpf.ErrNotPinned) {
		return nil
	}
	c.must(err)
	defer programs.Close()
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	reader, err := programs.Events(ctx)
	c.must(err)
	defer reader.Close()
	reader.SetDeadline(time.Now())
	var events []bpf.Event
	for {
		e, err := reader.Read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return events
		}
		c.must(err)
		events = append(events, e)
	}
}

// about says whether a record of the row's process is of its access, and not
// of how it came to it.
func about(r Record, row conformance.Row) bool {
	switch row.Access.Op {
	case "mount":
		return r.Operation == "mount"
	case "memfd":
		return r.Operation == "exec" && !strings.HasPrefix(r.Name, row.Folder())
	case "capability":
		return r.Operation == "capable" && strings.EqualFold("CAP_"+r.Capability, row.Access.Other)
	}
	name := strings.TrimSuffix(r.Name, "/")
	return slices.ContainsFunc(row.Names(), func(object string) bool {
		return name == object || strings.HasPrefix(object, "/proc/self/") && path.Base(name) == path.Base(object)
	})
}

// compare judges one row.
func (c *conformer) compare(e conformance.Expectation, got map[string]outcome, alerted map[string]alerts) (o conformance.Observation, wrong string) {
	if got == nil {
		return conformance.Observation{Verdict: conformance.Refused}, ""
	}
	free, ok := c.free[e.Marker()]
	if !ok || free.errno != 0 {
		return o, fmt.Sprintf("without the policy it fails (%s: %v)", free.stage, free.errno)
	}
	end, ok := got[e.Marker()]
	switch {
	case !ok:
		return o, "the actor says nothing of it"
	case end.errno == 0 && alerted[e.Marker()].alerted:
		o.Verdict = policy.Audit
	case end.errno == 0:
		o.Verdict = policy.Allow
	case end.stage == "act" && e.Access.Denied(end.errno):
		o.Verdict = policy.Block
	default:
		return o, fmt.Sprintf("it fails (%s: %v), which is no denial", end.stage, end.errno)
	}
	if o.Verdict == e.Verdict {
		if o.Verdict == policy.Block && !alerted[e.Marker()].alerted && !e.Silent {
			return o, "it is denied without an alert"
		}
		return o, ""
	}
	if o.Residual, ok = e.Explain(o.Verdict); !ok {
		return o, fmt.Sprintf("it is %s, want %s (declared: %s)", o.Verdict, e.Verdict, strings.Join(e.Residuals, ", "))
	}
	return o, ""
}
