package bpf

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/model"
)

// everySocket is what a container can ask for: raw sockets of protocols known
// and unknown, and of the other types those that a kernel can have. (For each
// that it lacks it may run modprobe.) SOCK_PACKET is seccomp's, because the
// kernel takes it for AF_PACKET.
func everySocket() []model.Socket {
	var all []model.Socket
	for typ, protocols := range map[int][]int{
		unix.SOCK_STREAM:    {0, 6, 132, 256, 262},
		unix.SOCK_DGRAM:     {0, 1, 17, 58, 115, 132, 136},
		unix.SOCK_RAW:       {1, 2, 6, 17, 33, 41, 47, 50, 58, 103, 115, 132, 136, 254, 255, 256, 257, 262},
		unix.SOCK_RDM:       {0},
		unix.SOCK_SEQPACKET: {0, 132},
		unix.SOCK_DCCP:      {0, 33},
	} {
		for _, protocol := range protocols {
			all = append(all,
				model.Socket{Family: unix.AF_INET, Type: typ, Protocol: protocol},
				model.Socket{Family: unix.AF_INET6, Type: typ, Protocol: protocol})
		}
	}
	return all
}

// The kernel and the model agree on every socket that exists here, whatever
// the rules.
func TestAgreesWithModel(t *testing.T) {
	n, cgroup := newNode(t), newCgroup(t)
	v := start(t, cgroup)
	var sockets []model.Socket // that this kernel has
	asked := everySocket()
	for i, errno := range outcomesOf(v, asked) {
		if errno == 0 {
			sockets = append(sockets, asked[i])
		}
	}
	t.Logf("%d of %d sockets exist here", len(sockets), len(asked))
	arm(t, n, cgroup, network(block(0)))
	rapid.Check(t, func(t *rapid.T) {
		rules := rapid.SliceOfN(networkRule(), 1, 6).Draw(t, "rules")
		posture := policy.Posture{
			File:         policy.Block,
			Network:      rapid.SampledFrom([]policy.Action{policy.Block, policy.Audit}).Draw(t, "posture"),
			Capabilities: policy.Block,
		}
		plan, err := translate.Compile(translate.Input{
			Rules:   rules,
			Posture: posture,
			Host:    translate.Host{CgroupBPF: true, Seccomp: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.PutRuleset(digestOf("TestAgreesWithModel"), plan.Network); err != nil {
			t.Fatal(err)
		}
		decide := model.New(plan.Resolved, posture)
		for i, errno := range outcomesOf(v, sockets) {
			d := decide.Decide(model.Access{Class: policy.Network, Operation: model.Create, Socket: sockets[i]})
			want := syscall.Errno(0)
			if d.Action == policy.Block {
				want = unix.EACCES
			}
			if errno != want {
				t.Fatalf("%+v: %v, want %v; the model says %+v", sockets[i], errno, want, d)
			}
		}
	})
}

func networkRule() *rapid.Generator[policy.Rule] {
	return rapid.Custom(func(t *rapid.T) policy.Rule {
		protocol := rapid.SampledFrom([]string{"tcp", "udp", "icmp", "icmpv6", "raw", "sctp", "dccp", "all"}).Draw(t, "protocol")
		return policy.Rule{
			Tier:     rapid.SampledFrom([]policy.Tier{policy.Cluster, policy.Namespaced}).Draw(t, "tier"),
			Class:    policy.Network,
			Action:   rapid.SampledFrom([]policy.Action{policy.Allow, policy.Audit, policy.Block}).Draw(t, "action"),
			Object:   policy.Object{Kind: policy.Protocol, Name: protocol},
			Severity: 1,
			Address:  "ns/p: network.matchProtocols",
		}
	})
}
