package bpf

import (
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/model"
)

// everySocket is what a container can ask for: types and protocols known and
// unknown, in both families. But for SOCK_PACKET, which the kernel takes for
// AF_PACKET, and which is seccomp's.
func everySocket() []model.Socket {
	var all []model.Socket
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		for typ := range unix.SOCK_PACKET {
			for _, protocol := range []int{0, 1, 2, 6, 17, 33, 41, 47, 50, 58, 103, 115, 132, 136, 254, 255, 256, 257, 262} {
				all = append(all, model.Socket{Family: family, Type: typ, Protocol: protocol})
			}
		}
	}
	return all
}

// The kernel and the model agree on every socket that exists here, whatever
// the rules.
func TestAgreesWithModel(t *testing.T) {
	n, cgroup := newNode(t), newCgroup(t)
	v := start(t, cgroup)
	sockets := everySocket()
	bare := outcomesOf(v, sockets)
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
			want := bare[i]
			if d.Action == policy.Block && want == 0 {
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
