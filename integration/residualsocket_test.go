//go:build integration

package integration

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/translate"
)

// residualsOfSockets need no AppArmor.
func residualsOfSockets(t *testing.T) {
	residualsOfSeccomp(t)
	t.Run("network-packet-audit", residualOfPacketSockets)
}

// residualsOfSeccomp are those of calls that 32-bit programs make through
// another, whose arguments a filter does not see.
func residualsOfSeccomp(t *testing.T) {
	for _, test := range []struct {
		id, spec, question string
		filter             bool // containerd's own, which names socketcall
	}{
		{"seccomp-socketcall", "  network:\n    matchProtocols:\n    - protocol: raw", `{"class": "network", "object": "tcp"}`, false},
		{"seccomp-multiplexer", "  syscalls:\n    matchSyscalls:\n    - syscall: [listen]", `{"class": "syscalls", "object": "socket"}`, true},
	} {
		n := newNodeBy(t, translate.EnforcerAppArmor)
		n.policy("sockets", test.spec)
		c := n.Container(n.fixture, "/act/pause")
		c.Seccomp = test.filter
		open := n.start(c.unprotected())
		if r := n.exec(open, "/act/socketcall"); r.Exit == int(unix.ENOSYS) {
			t.Logf("this processor has no such door")
			continue
		}
		n.show(open, n.start(c), []residual{{
			id:       test.id,
			differs:  refused([]string{"/act/socketcall"}),
			agrees:   passes([]string{"/act/tcp32"}),
			question: test.question,
		}})
	}
}

// residualOfPacketSockets audits raw sockets: those over IP are alerted on,
// the others are not.
func residualOfPacketSockets(t *testing.T) {
	n := newNodeBy(t, translate.EnforcerAppArmor)
	n.policy("raw", "  network:\n    matchProtocols:\n    - protocol: raw\n  action: Audit")
	task := n.start(n.Container(n.fixture, "/act/pause")) // the programs are loaded now
	pinned, err := bpf.OpenPinned(n.BPFFS)
	n.must(err)
	defer func() { n.check(pinned.Close()) }()
	events, err := pinned.Events(t.Context())
	n.must(err)
	defer func() { n.check(events.Close()) }()
	for _, act := range []string{"/act/packet", "/act/raw"} {
		if r := n.exec(task, act); r.Exit != 0 {
			t.Errorf("%s, which is audited, ended with %d", act, r.Exit)
		}
	}
	if action := n.decide(task, `{"class": "network", "object": "packet"}`); action != "Audit" {
		t.Errorf("the model says %s of a packet socket", action)
	}
	// Events come in the order of the acts.
	event, err := events.Read()
	n.must(err)
	if event.Kind != translate.KindRawICMP {
		t.Errorf("the first alert is on %v; if packet sockets are alerted on now, the residual can go", event)
	}
	events.SetDeadline(time.Now())
	if event, err := events.Read(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("there is another: %v, %v", event, err)
	}
}
