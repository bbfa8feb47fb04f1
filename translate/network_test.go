package translate

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

func protocolRule(number int, action policy.Action, protocol string) model.Rule {
	return model.Rule{
		Number: number,
		Tier:   policy.Namespaced,
		Class:  policy.Network,
		Action: action,
		Object: policy.Object{Kind: policy.Protocol, Name: protocol},
	}
}

func ableHost() Host { return Host{CgroupBPF: true, Seccomp: true} }

func TestNetworkVerdicts(t *testing.T) {
	permit := NetworkVerdict{Rule: -1}
	block := func(rule int) NetworkVerdict { return NetworkVerdict{Action: policy.Block, Rule: rule} }
	audit := func(rule int) NetworkVerdict { return NetworkVerdict{Action: policy.Audit, Rule: rule} }
	cluster := func(r model.Rule) model.Rule { r.Tier = policy.Cluster; return r }
	tests := []struct {
		name    string
		rules   []model.Rule
		posture policy.Action
		want    map[SocketKind]NetworkVerdict // others are as rest
		rest    NetworkVerdict
	}{
		{
			"a block of one protocol", []model.Rule{protocolRule(0, policy.Block, "udp")}, policy.Block,
			map[SocketKind]NetworkVerdict{KindUDP: block(0)}, permit,
		},
		{
			"icmp on any type", []model.Rule{protocolRule(4, policy.Block, "icmp")}, policy.Block,
			map[SocketKind]NetworkVerdict{KindICMP: block(4), KindRawICMP: block(4)}, permit,
		},
		{
			"raw of any protocol", []model.Rule{protocolRule(0, policy.Block, "raw")}, policy.Block,
			map[SocketKind]NetworkVerdict{
				KindRaw: block(0), KindRawICMP: block(0), KindRawICMPv6: block(0), KindRawSCTP: block(0), KindRawDCCP: block(0),
			}, permit,
		},
		{
			"an allow-list", []model.Rule{protocolRule(0, policy.Allow, "tcp")}, policy.Block,
			map[SocketKind]NetworkVerdict{KindTCP: permit}, block(-1),
		},
		{
			"an allow-list that audits", []model.Rule{protocolRule(0, policy.Allow, "tcp")}, policy.Audit,
			map[SocketKind]NetworkVerdict{KindTCP: permit}, audit(-1),
		},
		{
			"one protocol before all", []model.Rule{protocolRule(0, policy.Block, "all"), protocolRule(1, policy.Audit, "sctp")}, policy.Block,
			map[SocketKind]NetworkVerdict{KindSCTP: audit(1), KindRawSCTP: audit(1)}, block(0),
		},
		{
			"a namespace cannot loosen the cluster's", []model.Rule{
				cluster(protocolRule(0, policy.Block, "tcp")), protocolRule(1, policy.Allow, "all"),
			}, policy.Block,
			map[SocketKind]NetworkVerdict{KindTCP: block(0)}, permit,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &Plan{Posture: policy.Posture{Network: tt.posture}}
			if _, err := compileNetwork(p, tt.rules, ableHost()); err != nil {
				t.Fatal(err)
			}
			for kind := range SocketKinds {
				want, ok := tt.want[kind]
				if !ok {
					want = tt.rest
				}
				if got := p.Network.Verdicts[kind]; got != want {
					t.Errorf("%v: %+v, want %+v", kind, got, want)
				}
			}
		})
	}
}

func TestNetworkCoverage(t *testing.T) {
	received, unseen := "network-received", []string{"network-received", "network-packet-audit", "seccomp-socketcall"}
	both := []Mechanism{ByCgroupBPF, BySeccomp}
	tests := []struct {
		name       string
		rule       model.Rule
		posture    policy.Action
		mechanisms []Mechanism
		residuals  []string
		families   []int // of those below that seccomp refuses
	}{
		{"udp is seen whole", protocolRule(0, policy.Block, "udp"), policy.Block, []Mechanism{ByCgroupBPF}, []string{received}, nil},
		{"tcp is SMC too", protocolRule(0, policy.Block, "tcp"), policy.Block, both, unseen, []int{unix.AF_SMC}},
		{"raw is packet too", protocolRule(0, policy.Block, "raw"), policy.Block, both, unseen, []int{unix.AF_PACKET}},
		{"all", protocolRule(0, policy.Block, "all"), policy.Block, both, unseen, []int{unix.AF_PACKET, unix.AF_VSOCK, unix.AF_SMC}},
		{
			"an allow-list refuses other families", protocolRule(0, policy.Allow, "tcp"), policy.Block, both, unseen,
			[]int{unix.AF_PACKET, unix.AF_ALG, unix.AF_VSOCK, unix.AF_XDP},
		},
		{
			"an audit refuses none", protocolRule(0, policy.Audit, "raw"), policy.Block, []Mechanism{ByCgroupBPF},
			[]string{received, "network-packet-audit"}, nil,
		},
		{
			"nor does an audit posture", protocolRule(0, policy.Allow, "tcp"), policy.Audit, []Mechanism{ByCgroupBPF},
			[]string{received, "network-packet-audit"}, nil,
		},
	}
	asked := []int{unix.AF_UNIX, unix.AF_NETLINK, unix.AF_INET, unix.AF_INET6, unix.AF_PACKET, unix.AF_ALG, unix.AF_VSOCK, unix.AF_SMC, unix.AF_XDP}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &Plan{Posture: policy.Posture{Network: tt.posture}, Seccomp: &Seccomp{Syscalls: []string{"unlink"}}}
			out, err := compileNetwork(p, []model.Rule{tt.rule}, ableHost())
			if err != nil {
				t.Fatal(err)
			}
			if c := out[0]; !slices.Equal(c.Mechanisms, tt.mechanisms) || !slices.Equal(c.Residuals, tt.residuals) || c.Unenforceable != "" {
				t.Errorf("%+v, want %v with %v", c, tt.mechanisms, tt.residuals)
			}
			for _, f := range asked {
				if got, want := slices.Contains(p.Seccomp.Families, f), slices.Contains(tt.families, f); got != want {
					t.Errorf("family %d refused: %v, want %v", f, got, want)
				}
			}
			if !slices.Equal(p.Seccomp.Syscalls, []string{"unlink"}) {
				t.Errorf("system calls of other rules: %v", p.Seccomp.Syscalls)
			}
			for _, id := range out[0].Residuals {
				if !slices.ContainsFunc(Residuals, func(r Residual) bool { return r.ID == id }) {
					t.Errorf("%s is not in the closed list", id)
				}
			}
		})
	}
}

func TestNetworkUnenforceable(t *testing.T) {
	rules := []model.Rule{protocolRule(0, policy.Block, "raw"), protocolRule(1, policy.Block, "udp")}
	p := &Plan{}
	out, err := compileNetwork(p, rules, Host{Seccomp: true})
	if err != nil {
		t.Fatal(err)
	}
	if out[0].Unenforceable == "" || out[1].Unenforceable == "" || p.Network != nil || p.Seccomp != nil {
		t.Errorf("without cgroup programs: %+v, network %v, seccomp %v", out, p.Network, p.Seccomp)
	}
	out, err = compileNetwork(p, rules, Host{CgroupBPF: true})
	if err != nil {
		t.Fatal(err)
	}
	if out[0].Unenforceable == "" || out[1].Unenforceable != "" || p.Seccomp != nil {
		t.Errorf("without seccomp: %+v, seccomp %v", out, p.Seccomp)
	}
}

func TestNoNetworkRules(t *testing.T) {
	p := &Plan{}
	out, err := compileNetwork(p, []model.Rule{{Class: policy.File}}, ableHost())
	if err != nil || len(out) != 0 || p.Network != nil || p.Seccomp != nil {
		t.Errorf("%v, %v; network %v, seccomp %v", out, err, p.Network, p.Seccomp)
	}
}

// The partition is fine enough: whatever the rules, the model never tells
// apart two sockets that the kernel's side does not, and seccomp's families
// are those that the model refuses.
func TestNetworkAgreesWithModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rules []model.Rule
		for i := range rapid.IntRange(1, 8).Draw(t, "rules") {
			r := protocolRule(i,
				rapid.SampledFrom([]policy.Action{policy.Allow, policy.Audit, policy.Block}).Draw(t, "action"),
				rapid.SampledFrom([]string{"tcp", "udp", "icmp", "icmpv6", "raw", "sctp", "dccp", "all"}).Draw(t, "protocol"))
			r.Tier = rapid.SampledFrom([]policy.Tier{policy.Cluster, policy.Namespaced}).Draw(t, "tier")
			rules = append(rules, r)
		}
		p := &Plan{Posture: policy.Posture{Network: rapid.SampledFrom([]policy.Action{policy.Audit, policy.Block}).Draw(t, "posture")}}
		out, err := compileNetwork(p, rules, ableHost())
		if err != nil {
			t.Fatal(err)
		}
		if len(out) != len(rules) {
			t.Fatalf("%d of %d rules are covered", len(out), len(rules))
		}
		decide := model.New(rules, p.Posture)
		for family := 1; family < unix.AF_MAX; family++ {
			if family == unix.AF_INET || family == unix.AF_INET6 {
				continue
			}
			s := model.Socket{Family: family, Type: rapid.SampledFrom([]int{unix.SOCK_STREAM, unix.SOCK_DGRAM, unix.SOCK_RAW}).Draw(t, "type")}
			v := decide.Decide(model.Access{Class: policy.Network, Operation: model.Create, Socket: s})
			refused := p.Seccomp != nil && slices.Contains(p.Seccomp.Families, family)
			if refused != (v.Action == policy.Block) {
				t.Fatalf("family %d refused: %v; the model says %+v", family, refused, v)
			}
		}
	})
}
