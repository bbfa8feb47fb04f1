//go:build kernel

package bpf

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/image"
	"github.com/prearm/prearm/translate/model"
)

// Each kind has an audit rule of its own, numbered like the kind, and another
// container blocks all; so the events tell what a socket was taken for.
func TestKernelGuardSocketKinds(t *testing.T) {
	audits, blocks := make(map[int]uint64), make(map[int]uint64)
	for kind := range image.Sockets {
		audits[kind], blocks[kind] = by(1, kind), by(0, kind)
	}
	var sockets []model.Socket
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		for typ := unix.SOCK_STREAM; typ <= unix.SOCK_PACKET; typ++ {
			for _, protocol := range []int{0, unix.IPPROTO_ICMP, unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_DCCP, unix.IPPROTO_ICMPV6,
				unix.IPPROTO_SCTP, unix.IPPROTO_UDPLITE, unix.IPPROTO_RAW, 256, 262} {
				sockets = append(sockets, model.Socket{Family: family, Type: typ, Protocol: protocol})
			}
		}
	}
	for family := unix.AF_UNIX; family < unix.AF_MAX; family++ {
		if family != unix.AF_INET && family != unix.AF_INET6 {
			sockets = append(sockets, model.Socket{Family: family, Type: unix.SOCK_DGRAM}, model.Socket{Family: family, Type: unix.SOCK_RAW, Protocol: 1})
		}
	}
	judged := slices.DeleteFunc(slices.Clone(sockets), func(s model.Socket) bool {
		return s.Family == unix.AF_UNIX || s.Family == unix.AF_NETLINK
	})

	withoutModules(t)
	free := start(t, newCgroup(t))
	without := outcomesOf(free, sockets)
	c := confine(t, rules{sockets: audits}.cells())
	for i, errno := range outcomesOf(c.victim, sockets) {
		if errno != without[i] {
			t.Errorf("audited %+v: %v, without %v", sockets[i], errno, without[i])
		}
	}
	events := c.events(t)
	if len(events) != len(judged) {
		t.Fatalf("%d events about %d sockets", len(events), len(judged))
	}
	for i, s := range judged {
		e := events[i]
		got := model.Socket{Family: e.Family, Type: e.Type, Protocol: e.Protocol}
		want := s
		if s.Family == unix.AF_INET && s.Type == unix.SOCK_PACKET {
			want.Family = unix.AF_PACKET // the kernel says so
		}
		if got != want || e.Hook != GuardSocket || e.Verdict.Action != policy.Audit {
			t.Errorf("event %v about %+v", e, s)
		}
		if s.Type == unix.SOCK_PACKET {
			s.Protocol = 0 // one of packets
		}
		if names, kinds := model.Protocols(s), model.Protocols(standIn(e.Verdict.Rule)); !slices.Equal(names, kinds) {
			t.Errorf("%+v is of kind %d: %v, want %v", s, e.Verdict.Rule, kinds, names)
		}
	}

	t.Run("blocked", func(t *testing.T) {
		c := confine(t, rules{sockets: blocks}.cells())
		for i, errno := range outcomesOf(c.victim, sockets) {
			want := unix.EACCES
			if f := sockets[i].Family; f == unix.AF_UNIX || f == unix.AF_NETLINK {
				want = without[i]
			}
			if errno != want {
				t.Errorf("blocked %+v: %v, want %v", sockets[i], errno, want)
			}
		}
	})
}

// withoutModules has the kernel not look for modules of protocols.
func withoutModules(t *testing.T) {
	t.Helper()
	const path = "/proc/sys/kernel/modprobe"
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("\n"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(path, before, 0); err != nil {
			t.Error(err)
		}
	})
}

// standIn is a socket of a kind.
func standIn(kind int) model.Socket {
	s := model.Socket{Family: unix.AF_INET, Type: unix.SOCK_STREAM}
	switch kind {
	case 1:
		s.Type = unix.SOCK_DGRAM
	case 2:
		s.Type, s.Protocol = unix.SOCK_DGRAM, unix.IPPROTO_ICMP
	case 3:
		s.Type, s.Protocol = unix.SOCK_DGRAM, unix.IPPROTO_ICMPV6
	case 4:
		s.Type, s.Protocol = unix.SOCK_RAW, unix.IPPROTO_ICMP
	case 5:
		s.Type, s.Protocol = unix.SOCK_RAW, unix.IPPROTO_ICMPV6
	case 6:
		s.Type, s.Protocol = unix.SOCK_RAW, unix.IPPROTO_TCP
	case 7:
		s.Protocol = unix.IPPROTO_SCTP
	case 8:
		s.Type, s.Protocol = unix.SOCK_DCCP, unix.IPPROTO_DCCP
	case 9:
		s.Type = unix.SOCK_RDM
	case 10:
		s.Type, s.Protocol = unix.SOCK_RAW, unix.IPPROTO_SCTP
	case 11:
		s.Type, s.Protocol = unix.SOCK_RAW, unix.IPPROTO_DCCP
	case image.SocketPacket:
		s.Family, s.Type = unix.AF_PACKET, unix.SOCK_RAW
	case image.SocketSMC:
		s.Family = unix.AF_SMC
	case image.SocketVsock:
		s.Family = unix.AF_VSOCK
	case image.SocketFamily:
		s.Family = unix.AF_CAN
	}
	return s
}

// Sockets that a task has from before its rules, or from elsewhere, are judged
// at every use.
func TestKernelGuardSocketUse(t *testing.T) {
	socket := func(typ int) *os.File {
		fd, err := unix.Socket(unix.AF_INET, typ|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		return os.NewFile(uintptr(fd), "socket")
	}
	to := netip.MustParseAddrPort("127.0.0.1:4321")
	listener, udp := socket(unix.SOCK_STREAM), socket(unix.SOCK_DGRAM)
	defer listener.Close()
	defer udp.Close()
	if err := unix.Listen(int(listener.Fd()), 1); err != nil {
		t.Fatal(err)
	}
	const stream, datagram = 3, 4 // the victims' descriptors
	acts := []act{
		{Call: "bind", FD: datagram, Address: netip.MustParseAddrPort("127.0.0.1:0")},
		{Call: "connect", FD: datagram, Address: to},
		{Call: "listen", FD: stream},
		{Call: "accept", FD: stream},
		{Call: "sendto", FD: datagram},
		{Call: "receive", FD: datagram},
		{Call: "setsockopt", FD: stream},
		{Call: "getsockopt", FD: stream},
	}
	hooks := []GuardHook{GuardSocketBind, GuardSocketConnect, GuardSocketListen, GuardSocketAccept, GuardSocketSend, GuardSocketReceive, GuardSocketOption, GuardSocketOption}
	for _, tc := range []struct {
		name   string
		action uint64
		want   error
	}{{"block", 0, unix.EACCES}, {"audit", 1, nil}, {"permit", permit, nil}} {
		t.Run(tc.name, func(t *testing.T) {
			c := confine(t, rules{sockets: map[int]uint64{0: by(tc.action, 3), 1: by(tc.action, 5)}}.cells(), listener, udp)
			for i, o := range c.do(acts...) {
				if want := fmt.Sprint(errno(tc.want)); fmt.Sprint(o.Errno) != want && !(tc.want == nil && o.Errno == unix.ECONNREFUSED) && !(acts[i].Call == "bind" && o.Errno == unix.EINVAL && tc.want == nil) {
					t.Errorf("%s: %v, want %v", acts[i].Call, o.Errno, want)
				}
			}
			events := c.events(t)
			if tc.action == permit {
				if len(events) != 0 {
					t.Errorf("events about what is permitted: %v", events)
				}
				return
			}
			hooks := hooks
			if tc.action == 1 { // an act asks what the socket was bound to
				hooks = slices.Insert(slices.Clone(hooks), 1, GuardSocketOption)
			}
			if len(events) != len(hooks) {
				t.Fatalf("%d events, want %d: %v", len(events), len(hooks), events)
			}
			for i, e := range events {
				rule, protocol := 3, unix.IPPROTO_TCP
				if e.Type == unix.SOCK_DGRAM {
					rule, protocol = 5, unix.IPPROTO_UDP
				}
				if e.Hook != hooks[i] || e.Verdict.Rule != rule || e.Protocol != protocol || e.Family != unix.AF_INET {
					t.Errorf("event %v, want %v", e, hooks[i])
				}
				if e.Ruleset != c.digest || int(e.PID) != c.pid || int(e.PPID) != os.Getpid() || e.UID != 0 || e.Comm == "" || e.Verdict.Tier != policy.Namespaced {
					t.Errorf("event is not the victim's: %v", e)
				}
			}
		})
	}
}

// A full ring loses events, and counts them; the denials stay denials, and
// audit hits never take the last quarter.
func TestKernelGuardFullRing(t *testing.T) {
	c := confine(t, rules{sockets: map[int]uint64{0: by(0, 1), 1: by(1, 2)}}.cells())
	c.events(t)
	before, err := c.guard.Losses()
	if err != nil {
		t.Fatal(err)
	}
	const count = 9000 // the ring holds 7710
	many := func(typ int) []model.Socket {
		return slices.Repeat([]model.Socket{{Family: unix.AF_INET, Type: typ}}, count)
	}
	for _, errno := range outcomesOf(c.victim, many(unix.SOCK_DGRAM)) {
		if errno != 0 {
			t.Fatalf("audited socket: %v", errno)
		}
	}
	for _, errno := range outcomesOf(c.victim, many(unix.SOCK_STREAM)) {
		if errno != unix.EACCES {
			t.Fatalf("denied socket: %v, want EACCES", errno)
		}
	}
	var audits, blocks uint64
	for _, e := range c.events(t) {
		if e.Verdict.Action == policy.Audit {
			audits++
		} else {
			blocks++
		}
	}
	lost, err := c.guard.Losses()
	if err != nil {
		t.Fatal(err)
	}
	lost.Audit -= before.Audit
	lost.Block -= before.Block
	if audits+lost.Audit != count || blocks+lost.Block != count {
		t.Errorf("read %d audits and %d denials, lost %+v; each pair must make %d", audits, blocks, lost, count)
	}
	if lost.Audit == 0 || lost.Block == 0 {
		t.Errorf("lost %+v: the ring was never full", lost)
	}
	if blocks < audits/4 {
		t.Errorf("%d denials beside %d audits: the last quarter was not theirs", blocks, audits)
	}
}

// A container without image may do nothing that the guard judges.
func TestKernelGuardNoImage(t *testing.T) {
	c := confine(t, rules{sockets: map[int]uint64{}}.cells())
	if errno := c.tries(unix.AF_INET, unix.SOCK_STREAM, 0); errno != 0 {
		t.Fatal(errno)
	}
	if err := c.guard.Disarm(c.key); err != nil {
		t.Fatal(err)
	}
	if errno := c.tries(unix.AF_INET, unix.SOCK_STREAM, 0); errno != unix.EACCES {
		t.Errorf("%v without its record", errno)
	}
	if errno := c.tries(unix.AF_UNIX, unix.SOCK_STREAM, 0); errno != 0 {
		t.Errorf("unix socket: %v", errno)
	}
	events := c.events(t)
	if len(events) != 1 || events[0].Verdict.Reason != image.ByMissing || events[0].Ruleset != (Digest{}) {
		t.Errorf("events: %v", events)
	}
}
