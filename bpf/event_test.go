package bpf

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/model"
)

// pending reads the events that are in the ring.
func pending(t *testing.T, n *Node) []Event {
	t.Helper()
	r, err := n.Events(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	r.SetDeadline(time.Now()) // what is there is read all the same
	var events []Event
	for {
		e, err := r.Read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return events
		}
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
}

func TestEventsSayWhatHappened(t *testing.T) {
	n, cgroup := newNode(t), newCgroup(t)
	v := start(t, cgroup)
	var own unix.Stat_t
	if err := unix.Stat(cgroup, &own); err != nil {
		t.Fatal(err)
	}
	tcp, tcp6 := v.socket(unix.AF_INET, unix.SOCK_STREAM, 0), v.socket(unix.AF_INET6, unix.SOCK_STREAM, 0)
	net := network(block(3), translate.KindTCP)
	net.Verdicts[translate.KindUDP] = audit(5)
	net.Verdicts[translate.KindRaw] = block(-1)
	arm(t, n, cgroup, net)

	lo4, lo6 := netip.MustParseAddrPort("127.0.0.1:4321"), netip.MustParseAddrPort("[::1]:4322")
	any4 := netip.MustParseAddrPort("127.0.0.1:0")
	v.do(act{Call: "try", Socket: model.Socket{Family: unix.AF_INET, Type: unix.SOCK_STREAM}},
		act{Call: "try", Socket: model.Socket{Family: unix.AF_INET6, Type: unix.SOCK_RAW, Protocol: unix.IPPROTO_RAW}})
	udp := v.socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	v.do(act{Call: "connect", FD: tcp, Address: lo4},
		act{Call: "connect", FD: tcp6, Address: lo6},
		act{Call: "bind", FD: udp, Address: any4},
		act{Call: "sendto", FD: udp, Address: lo4})
	// Permitted, so no event.
	v.do(act{Call: "try", Socket: model.Socket{Family: unix.AF_INET6, Type: unix.SOCK_DGRAM, Protocol: unix.IPPROTO_ICMPV6}})

	type essence struct {
		Rule             int
		Action           policy.Action
		Hook             Hook
		Kind             translate.SocketKind
		Family, Type, Pr int
		Address          netip.AddrPort
	}
	want := []essence{
		{3, policy.Block, HookCreate, translate.KindTCP, unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP, netip.AddrPort{}},
		{RulePosture, policy.Block, HookCreate, translate.KindRaw, unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_RAW, netip.AddrPort{}},
		{5, policy.Audit, HookCreate, translate.KindUDP, unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_UDP, netip.AddrPort{}},
		{3, policy.Block, HookConnect, translate.KindTCP, unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP, lo4},
		{3, policy.Block, HookConnect, translate.KindTCP, unix.AF_INET6, unix.SOCK_STREAM, unix.IPPROTO_TCP, lo6},
		{5, policy.Audit, HookBind, translate.KindUDP, unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_UDP, any4},
		{5, policy.Audit, HookSendmsg, translate.KindUDP, unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_UDP, lo4},
	}
	events := pending(t, n)
	if len(events) != len(want) {
		t.Fatalf("%d events, want %d: %v", len(events), len(want), events)
	}
	last := time.Duration(0)
	for i, e := range events {
		got := essence{e.Rule, e.Action, e.Hook, e.Kind, e.Family, e.Type, e.Protocol, e.Address}
		if got != want[i] {
			t.Errorf("event %d: %+v, want %+v", i, got, want[i])
		}
		if int(e.PID) != v.pid || e.UID != 0 || e.Cgroup != own.Ino || e.Ruleset != digestOf(t.Name()) {
			t.Errorf("event %d is not the victim's: %v", i, e)
		}
		if e.Comm == "" || e.TID == 0 {
			t.Errorf("event %d: no thread: %v", i, e)
		}
		if e.Time < last {
			t.Errorf("event %d: earlier than the one before", i)
		}
		last = e.Time
	}
}

func TestEventOfUnarmedAttachment(t *testing.T) {
	n, cgroup := newNode(t), newCgroup(t)
	v := start(t, cgroup)
	arm(t, n, cgroup, network(block(0)))
	if err := n.withMap(mapRulesets, func(m *ebpf.Map) error { return m.Delete(digestOf(t.Name())) }); err != nil {
		t.Fatal(err)
	}
	v.do(act{Call: "try", Socket: model.Socket{Family: unix.AF_INET, Type: unix.SOCK_STREAM}})
	events := pending(t, n)
	if len(events) != 1 || events[0].Rule != RuleMissing || events[0].Action != policy.Block {
		t.Errorf("events: %v", events)
	}
}

// A full ring loses events, and counts them; the denials stay denials, and
// audit hits never take the last quarter.
func TestFullRing(t *testing.T) {
	n, cgroup := newNode(t), newCgroup(t)
	v := start(t, cgroup)
	net := network(block(1), translate.KindTCP)
	net.Verdicts[translate.KindUDP] = audit(2)
	arm(t, n, cgroup, net)
	many := func(typ int) []model.Socket {
		sockets := make([]model.Socket, 5000) // the ring holds 3855
		for i := range sockets {
			sockets[i] = model.Socket{Family: unix.AF_INET, Type: typ}
		}
		return sockets
	}
	for _, errno := range outcomesOf(v, many(unix.SOCK_DGRAM)) {
		if errno != 0 {
			t.Fatalf("audited socket: %v", errno)
		}
	}
	for _, errno := range outcomesOf(v, many(unix.SOCK_STREAM)) {
		if errno != unix.EACCES {
			t.Fatalf("denied socket: %v, want EACCES", errno)
		}
	}
	var audits, blocks uint64
	for _, e := range pending(t, n) {
		if e.Action == policy.Audit {
			audits++
		} else {
			blocks++
		}
	}
	lost, err := n.Losses()
	if err != nil {
		t.Fatal(err)
	}
	if audits+lost.Audit != 5000 || blocks+lost.Block != 5000 {
		t.Errorf("read %d audits and %d denials, lost %+v; each pair must make 5000", audits, blocks, lost)
	}
	if lost.Audit == 0 || lost.Block == 0 {
		t.Errorf("lost %+v: the ring was never full", lost)
	}
	if blocks < audits/4 {
		t.Errorf("%d denials beside %d audits: the last quarter was not theirs", blocks, audits)
	}
}

func TestReaderEndsWithContext(t *testing.T) {
	n := newNode(t)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := n.Events(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	done := make(chan error)
	go func() {
		_, err := r.Read()
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v, want closed", err)
	}
}

func TestEventString(t *testing.T) {
	e := Event{Rule: 3, Action: policy.Block, Comm: "a\n\x1b[31m\"b", Address: netip.MustParseAddrPort("[::1]:80")}
	s := e.String()
	if strings.ContainsAny(s, "\n\x1b") {
		t.Errorf("a thread's name reaches the terminal: %q", s)
	}
	for _, part := range []string{"Block (rule 3)", "[::1]:80", "tcp"} {
		if !strings.Contains(s, part) {
			t.Errorf("%s lacks %s", s, part)
		}
	}
}

func TestDecodeShort(t *testing.T) {
	if e, err := decode(make([]byte, 40)); err == nil {
		t.Errorf("decoded %v", e)
	}
}
