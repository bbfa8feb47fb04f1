package bpf

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/model"
)

func digestOf(s string) Digest { return sha256.Sum256([]byte(s)) }

// network has the given verdict for some kinds and permits the others.
func network(v translate.NetworkVerdict, kinds ...translate.SocketKind) *translate.Network {
	net := &translate.Network{}
	for i := range net.Verdicts {
		net.Verdicts[i].Rule = -1
	}
	for _, k := range kinds {
		net.Verdicts[k] = v
	}
	return net
}

func block(rule int) translate.NetworkVerdict {
	return translate.NetworkVerdict{Action: policy.Block, Rule: rule}
}

func audit(rule int) translate.NetworkVerdict {
	return translate.NetworkVerdict{Action: policy.Audit, Rule: rule}
}

// arm puts a ruleset and attaches it to the cgroup until the test ends.
func arm(t *testing.T, n *Node, cgroup string, net *translate.Network) {
	t.Helper()
	digest := digestOf(t.Name())
	if err := n.PutRuleset(digest, net); err != nil {
		t.Fatal(err)
	}
	if err := n.Attach(t.Name(), cgroup, digest); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Detach(t.Name()); err != nil {
			t.Error(err)
		}
	})
}

// sample is one socket of each kind that needs no kernel module.
var sample = map[translate.SocketKind]model.Socket{
	translate.KindTCP:       {Family: unix.AF_INET, Type: unix.SOCK_STREAM},
	translate.KindUDP:       {Family: unix.AF_INET, Type: unix.SOCK_DGRAM},
	translate.KindICMP:      {Family: unix.AF_INET, Type: unix.SOCK_DGRAM, Protocol: unix.IPPROTO_ICMP},
	translate.KindICMPv6:    {Family: unix.AF_INET6, Type: unix.SOCK_DGRAM, Protocol: unix.IPPROTO_ICMPV6},
	translate.KindRawICMP:   {Family: unix.AF_INET, Type: unix.SOCK_RAW, Protocol: unix.IPPROTO_ICMP},
	translate.KindRawICMPv6: {Family: unix.AF_INET6, Type: unix.SOCK_RAW, Protocol: unix.IPPROTO_ICMPV6},
	translate.KindRaw:       {Family: unix.AF_INET, Type: unix.SOCK_RAW, Protocol: unix.IPPROTO_RAW},
	translate.KindRawSCTP:   {Family: unix.AF_INET, Type: unix.SOCK_RAW, Protocol: unix.IPPROTO_SCTP},
	translate.KindRawDCCP:   {Family: unix.AF_INET6, Type: unix.SOCK_RAW, Protocol: unix.IPPROTO_DCCP},
}

func TestOneKindDeniedTheOthersNot(t *testing.T) {
	n, cgroup := newNode(t), newCgroup(t)
	v := start(t, cgroup)
	for _, s := range sample {
		if errno := v.tries(s.Family, s.Type, s.Protocol); errno != 0 {
			t.Fatalf("%+v without rules: %v", s, errno)
		}
	}
	arm(t, n, cgroup, network(block(0)))
	for denied := range sample {
		if err := n.PutRuleset(digestOf(t.Name()), network(block(0), denied)); err != nil {
			t.Fatal(err)
		}
		for kind, s := range sample {
			want := syscall.Errno(0)
			if kind == denied {
				want = unix.EACCES
			}
			if errno := v.tries(s.Family, s.Type, s.Protocol); errno != want {
				t.Errorf("%v denied, %v socket: %v, want %v", denied, kind, errno, want)
			}
		}
	}
}

func TestChildCgroupBelongs(t *testing.T) {
	n, cgroup := newNode(t), newCgroup(t)
	v := start(t, cgroup)
	arm(t, n, cgroup, network(block(0), translate.KindTCP))
	child := filepath.Join(cgroup, "a", "b")
	if err := os.MkdirAll(child, 0o755); err != nil {
		t.Fatal(err)
	}
	v.move(child)
	if errno := v.tries(unix.AF_INET, unix.SOCK_STREAM, 0); errno != unix.EACCES {
		t.Errorf("in a cgroup below: %v, want EACCES", errno)
	}
	if errno := v.tries(unix.AF_INET, unix.SOCK_DGRAM, 0); errno != 0 {
		t.Errorf("udp in a cgroup below: %v", errno)
	}
}

func TestSiblingCgroupDoesNotBelong(t *testing.T) {
	n, cgroup := newNode(t), newCgroup(t)
	v := start(t, newCgroup(t))
	arm(t, n, cgroup, network(block(0), translate.KindTCP))
	if errno := v.tries(unix.AF_INET, unix.SOCK_STREAM, 0); errno != 0 {
		t.Errorf("outside: %v", errno)
	}
}

func TestArmedWithoutRulesetDeniesAll(t *testing.T) {
	n, cgroup := newNode(t), newCgroup(t)
	v := start(t, cgroup)
	arm(t, n, cgroup, network(block(0)))
	for kind, s := range sample {
		if errno := v.tries(s.Family, s.Type, s.Protocol); errno != 0 {
			t.Fatalf("%v with a ruleset that permits: %v", kind, errno)
		}
	}
	// Behind DropRuleset's back, which would refuse.
	if err := n.withMap(mapRulesets, func(m *ebpf.Map) error { return m.Delete(digestOf(t.Name())) }); err != nil {
		t.Fatal(err)
	}
	for kind, s := range sample {
		if errno := v.tries(s.Family, s.Type, s.Protocol); errno != unix.EACCES {
			t.Errorf("%v: %v, want EACCES", kind, errno)
		}
	}
}

// Sockets that are older than the rules are judged when they are used.
func TestOlderSockets(t *testing.T) {
	lo4 := netip.MustParseAddrPort("127.0.0.1:9")
	lo6 := netip.MustParseAddrPort("[::1]:9")
	mapped := netip.MustParseAddrPort("[::ffff:127.0.0.1]:9")
	any4 := netip.MustParseAddrPort("127.0.0.1:0")
	any6 := netip.MustParseAddrPort("[::1]:0")
	tests := []struct {
		name    string
		kind    translate.SocketKind
		socket  model.Socket
		call    string
		address netip.AddrPort
	}{
		{"tcp connect", translate.KindTCP, model.Socket{Family: unix.AF_INET, Type: unix.SOCK_STREAM}, "connect", lo4},
		{"tcp6 connect", translate.KindTCP, model.Socket{Family: unix.AF_INET6, Type: unix.SOCK_STREAM}, "connect", lo6},
		{"tcp6 connect mapped", translate.KindTCP, model.Socket{Family: unix.AF_INET6, Type: unix.SOCK_STREAM}, "connect", mapped},
		{"tcp bind", translate.KindTCP, model.Socket{Family: unix.AF_INET, Type: unix.SOCK_STREAM}, "bind", any4},
		{"tcp6 bind", translate.KindTCP, model.Socket{Family: unix.AF_INET6, Type: unix.SOCK_STREAM}, "bind", any6},
		{"udp connect", translate.KindUDP, model.Socket{Family: unix.AF_INET, Type: unix.SOCK_DGRAM}, "connect", lo4},
		{"udp sendto", translate.KindUDP, model.Socket{Family: unix.AF_INET, Type: unix.SOCK_DGRAM}, "sendto", lo4},
		{"udp6 sendto", translate.KindUDP, model.Socket{Family: unix.AF_INET6, Type: unix.SOCK_DGRAM}, "sendto", lo6},
		{"udp6 sendto mapped", translate.KindUDP, model.Socket{Family: unix.AF_INET6, Type: unix.SOCK_DGRAM}, "sendto", mapped},
		{"udp6 connect mapped", translate.KindUDP, model.Socket{Family: unix.AF_INET6, Type: unix.SOCK_DGRAM}, "connect", mapped},
		{"udp bind", translate.KindUDP, model.Socket{Family: unix.AF_INET, Type: unix.SOCK_DGRAM}, "bind", any4},
		{"udplite sendto", translate.KindUDP, model.Socket{Family: unix.AF_INET, Type: unix.SOCK_DGRAM, Protocol: unix.IPPROTO_UDPLITE}, "sendto", lo4},
		{"icmp connect", translate.KindICMP, model.Socket{Family: unix.AF_INET, Type: unix.SOCK_DGRAM, Protocol: unix.IPPROTO_ICMP}, "connect", lo4},
		{"icmpv6 connect", translate.KindICMPv6, model.Socket{Family: unix.AF_INET6, Type: unix.SOCK_DGRAM, Protocol: unix.IPPROTO_ICMPV6}, "connect", lo6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, cgroup := newNode(t), newCgroup(t)
			v := start(t, cgroup)
			s := tt.socket
			do := act{Call: tt.call, Address: tt.address}

			do.FD = v.socket(s.Family, s.Type, s.Protocol)
			want := v.do(do)[0].Errno
			if want == unix.EACCES {
				t.Fatalf("without rules: %v", want)
			}
			do.FD = v.socket(s.Family, s.Type, s.Protocol)
			arm(t, n, cgroup, network(block(0), tt.kind))
			if errno := v.do(do)[0].Errno; errno != unix.EACCES {
				t.Errorf("denied kind: %v, want EACCES", errno)
			}

			if err := n.PutRuleset(digestOf(t.Name()), network(block(0), translate.KindOther)); err != nil {
				t.Fatal(err)
			}
			if errno := v.do(do)[0].Errno; errno != want {
				t.Errorf("permitted kind: %v, want %v as without rules", errno, want)
			}
		})
	}
}

// network-received: a socket that was made in a cgroup outside passes.
func TestResidualReceivedSocket(t *testing.T) {
	n, cgroup := newNode(t), newCgroup(t)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	outside := os.NewFile(uintptr(fd), "socket")
	defer outside.Close()
	v := start(t, cgroup, outside)
	arm(t, n, cgroup, network(block(0), translate.KindUDP))
	if errno := v.tries(unix.AF_INET, unix.SOCK_DGRAM, 0); errno != unix.EACCES {
		t.Fatalf("its own: %v, want EACCES", errno)
	}
	if errno := v.do(act{Call: "sendto", FD: 3, Address: netip.MustParseAddrPort("127.0.0.1:9")})[0].Errno; errno != 0 {
		t.Errorf("received: %v; if the kernel judges it now, the residual can go", errno)
	}
}

func TestParseDigest(t *testing.T) {
	d := digestOf("x")
	if got, err := ParseDigest(hex.EncodeToString(d[:])); err != nil || got != d {
		t.Errorf("%x, %v", got, err)
	}
	for _, bad := range []string{"", "ab", hex.EncodeToString(d[:31]), hex.EncodeToString(d[:]) + "00", "zz" + hex.EncodeToString(d[1:])} {
		if _, err := ParseDigest(bad); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}

// Why the plan leaves some families to seccomp: no hook sees these, under
// either of their names.
func TestPacketSocketsAreNotSeen(t *testing.T) {
	n, cgroup := newNode(t), newCgroup(t)
	v := start(t, cgroup)
	arm(t, n, cgroup, network(block(0),
		translate.KindTCP, translate.KindUDP, translate.KindRaw, translate.KindOther))
	for _, s := range []model.Socket{
		{Family: unix.AF_PACKET, Type: unix.SOCK_RAW},
		{Family: unix.AF_INET, Type: unix.SOCK_PACKET},
	} {
		if errno := v.tries(s.Family, s.Type, s.Protocol); errno != 0 {
			t.Errorf("%+v: %v; if the kernel asks about it now, seccomp need not", s, errno)
		}
	}
}
