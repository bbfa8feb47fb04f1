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
	"time"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/integration/conformance"
)

// outcome is how the actor's try of a row ended.
type outcome struct {
	stage string // that failed, if errno is not 0
	errno unix.Errno
}

// perform runs the actor with the packs' rows in one container, and returns
// how each ended, by marker.
func (c *conformer) perform(container Container, packs ...*conformance.Pack) (_ map[string]outcome, err error) {
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
		return nil, err
	}
	defer func() { err = errors.Join(err, task.Delete(c.Context())) }()
	inside := filepath.Join("/proc", strconv.Itoa(task.Pid), "root")
	for _, name := range conformance.Folders(cases) {
		if err := os.Mkdir(filepath.Join(inside, name), 0o777); err != nil {
			return nil, err
		}
	}
	for name, owner := range conformance.Sockets(cases) {
		at := filepath.Join(inside, name)
		c.listen(at)
		if err := os.Chown(at, owner, -1); err != nil {
			return nil, err
		}
	}
	if err := task.Start(c.Context()); err != nil {
		return nil, err
	}
	r, err := task.Wait(c.Context())
	if err != nil {
		return nil, err
	}
	if r.Exit != 0 {
		return nil, fmt.Errorf("the actor ended with %+v", r)
	}
	return parseOutcomes(r.Stdout)
}

// parseOutcomes reads what the actor says.
func parseOutcomes(said string) (map[string]outcome, error) {
	ends := make(map[string]outcome)
	for line := range strings.Lines(said) {
		words := strings.Fields(line)
		if len(words) != 3 {
			return nil, fmt.Errorf("the actor says %q", line)
		}
		errno, err := strconv.Atoi(words[2])
		if err != nil {
			return nil, fmt.Errorf("the actor says %q: %w", line, err)
		}
		ends[words[0]] = outcome{words[1], unix.Errno(errno)}
	}
	return ends, nil
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
func (c *conformer) enforce(i int, p *conformance.Pack) (map[string]outcome, map[string]alerts, error) {
	n := c.nodes[p.Posture]
	container := n.Container(c.image)
	container.Labels = map[string]string{"pack": packLabel(i)}
	if len(p.Refused) > 0 {
		return nil, nil, c.refuse(container, p)
	}
	if c.audit != nil {
		if _, err := c.audit.Drain(); err != nil {
			return nil, nil, err
		}
	}
	var log *guardLog
	if n.byGuard() {
		var err error
		if log, err = n.guardLog(); err != nil {
			return nil, nil, err
		}
	}
	got, err := c.perform(container, p)
	if err != nil {
		return nil, nil, err
	}
	all := c.alerts(n, p)
	if log != nil {
		events, err := log.end()
		if err != nil {
			return nil, nil, err
		}
		for _, e := range events {
			note(all, p, e.Comm, e.String(), func(row conformance.Row) bool { return guardAbout(e, row) })
		}
	}
	return got, all, nil
}

// refuse has a start refused for each of the pack's rules that cannot be
// enforced.
func (c *conformer) refuse(container Container, p *conformance.Pack) error {
	container.Args = []string{conformance.Actor}
	task, err := c.Create(c.Context(), container)
	var refusal *Refusal
	switch {
	case err == nil:
		return errors.Join(fmt.Errorf("the start is not refused, for %q", p.Refused), task.Delete(c.Context()))
	case !errors.As(err, &refusal):
		return err
	}
	if got := strings.Count(refusal.Message(), "cannot be enforced"); got != len(p.Refused) {
		return fmt.Errorf("%d rules are refused, want %q: %s", got, p.Refused, refusal.Message())
	}
	return nil
}

// alerts are what the kernel recorded of the pack's rows, by marker.
func (c *conformer) alerts(n *node, p *conformance.Pack) map[string]alerts {
	all := make(map[string]alerts)
	if c.audit != nil {
		records, err := c.audit.Drain()
		c.must(err)
		for _, r := range records {
			note(all, p, r.Comm, r.Text, func(row conformance.Row) bool { return about(r, row) })
		}
	}
	for _, e := range c.events(n) {
		all[e.Comm] = alerts{true, append(all[e.Comm].records, e.String())}
	}
	return all
}

// note adds a record of the process that performs the row of the marker.
func note(all map[string]alerts, p *conformance.Pack, marker, text string, about func(conformance.Row) bool) {
	for _, row := range conformance.Rows(p.Cases) {
		if row.Marker() == marker {
			a := all[marker]
			all[marker] = alerts{a.alerted || about(row), append(a.records, text)}
		}
	}
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
	case "socket":
		return r.Operation == "create"
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
