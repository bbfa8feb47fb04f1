package translate

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

// compileNetwork asks the model for one verdict a kind of inet socket, for the
// cgroup programs, and one a family that they do not see, for seccomp.
func compileNetwork(p *Plan, rules []model.Rule, host Host) (outcomes, error) {
	out := outcomes{}
	var network []model.Rule
	for _, r := range rules {
		if r.Class == policy.Network {
			network = append(network, r)
		}
	}
	if len(network) == 0 {
		return out, nil
	}
	if !host.CgroupBPF {
		for _, r := range network {
			out[r.Number] = Coverage{Unenforceable: "network rules need cgroup v2 and a bpffs, which this host lacks: mount -t cgroup2 cgroup2 /sys/fs/cgroup, mount -t bpf bpf /sys/fs/bpf"}
		}
		return out, nil
	}

	decide := model.New(network, p.Posture)
	sources := append([]string{""}, sourcesOf(network)...)
	net, needed := &Network{}, false
	for kind := range SocketKinds {
		v, err := decideMildest(decide, kind.String(), socketsOf(kind), sources)
		if err != nil {
			return nil, err
		}
		net.Verdicts[kind] = NetworkVerdict{Rule: -1}
		if v.Action != policy.Allow {
			net.Verdicts[kind] = NetworkVerdict{Action: v.Action, Rule: v.Rule}
			needed = true
		}
	}
	unsourced := slices.ContainsFunc(network, func(r model.Rule) bool { return !r.Sourced() })
	if needed || unsourced {
		p.Network = net
	}

	unseen := map[int]policy.Action{} // families that are not simply permitted
	for _, family := range unseenFamilies() {
		v, err := decideMildest(decide, fmt.Sprintf("family %d", family), socketsIn(family), sources)
		if err != nil {
			return nil, err
		}
		if v.Action != policy.Allow {
			unseen[family] = v.Action
		}
		if v.Action == policy.Block && host.Seccomp {
			if p.Seccomp == nil {
				p.Seccomp = &Seccomp{}
			}
			p.Seccomp.Families = append(p.Seccomp.Families, family)
		}
	}
	for _, r := range network {
		if !r.Sourced() {
			out[r.Number] = coverNetwork(r, unseen, host)
		}
	}
	return out, nil
}

// coverNetwork says by what a rule is enforced, given the families that the
// cgroup programs do not see and that are refused or audited.
func coverNetwork(r model.Rule, unseen map[int]policy.Action, host Host) Coverage {
	c := Coverage{
		Mechanisms: []Mechanism{ByCgroupBPF},
		Residuals:  []string{"network-received"},
	}
	blocks, alerts := false, false
	for family, action := range unseen {
		// An Allow is what puts the families that it does not cover under
		// the posture.
		if r.Action == policy.Allow || covers(r, socketsIn(family)[0]) {
			alerts = true
			blocks = blocks || action == policy.Block
		}
	}
	if alerts {
		c.Residuals = append(c.Residuals, "network-packet-audit")
	}
	if !blocks {
		return c
	}
	if !host.Seccomp {
		return Coverage{Unenforceable: "sockets that are not over IP need seccomp filters, which this kernel lacks; a Block of udp, icmp, sctp or dccp does without them"}
	}
	c.Mechanisms = append(c.Mechanisms, BySeccomp)
	c.Residuals = append(c.Residuals, "seccomp-socketcall")
	return c
}

// covers says whether the object of a network rule takes in the socket: the
// model would refuse it, were the rule a Block and the only one.
func covers(r model.Rule, s model.Socket) bool {
	r.Action = policy.Block
	alone := model.New([]model.Rule{r}, policy.Posture{})
	return alone.Decide(creation(s)).Action == policy.Block
}

// decideMildest is what holds for all executables: the mildest of the verdicts
// for each. Whoever is treated worse, AppArmor does it to.
func decideMildest(decide *model.Set, name string, sockets []model.Socket, sources []string) (model.Verdict, error) {
	var mildest model.Verdict
	for i, source := range sources {
		v, err := decideAlike(decide, name, sockets, source)
		if err != nil {
			return v, err
		}
		if i == 0 || milder(v.Action, mildest.Action) {
			mildest = v
		}
	}
	return mildest, nil
}

// milder says whether x lets more happen than y, or the same in silence.
func milder(x, y policy.Action) bool {
	order := []policy.Action{policy.Allow, policy.Audit, policy.Block}
	return slices.Index(order, x) < slices.Index(order, y)
}

// decideAlike is the model's verdict for sockets that the kernel's side cannot
// tell apart. That the model can would be a mistake in the partition.
func decideAlike(decide *model.Set, name string, sockets []model.Socket, source string) (model.Verdict, error) {
	by := func(s model.Socket) model.Access {
		a := creation(s)
		a.Source = source
		return a
	}
	first := decide.Decide(by(sockets[0]))
	for _, s := range sockets[1:] {
		if v := decide.Decide(by(s)); v.Action != first.Action || v.Rule != first.Rule {
			return first, fmt.Errorf("%s sockets: %s of rule %d for %+v, %s of rule %d for %+v; this is a mistake in prearm",
				name, first.Action, first.Rule, sockets[0], v.Action, v.Rule, s)
		}
	}
	return first, nil
}

func creation(s model.Socket) model.Access {
	return model.Access{Class: policy.Network, Operation: model.Create, Socket: s}
}

// Protocols that x/sys/unix does not name for every architecture.
const (
	ipprotoSMC   = 256 // since Linux 6.11
	ipprotoMPTCP = 262
)

// socketsOf are sockets that stand for all of a kind, of both families where
// both have them.
func socketsOf(kind SocketKind) []model.Socket {
	inet := func(typ int, protocols ...int) (all []model.Socket) {
		for _, p := range protocols {
			all = append(all, model.Socket{Family: unix.AF_INET, Type: typ, Protocol: p},
				model.Socket{Family: unix.AF_INET6, Type: typ, Protocol: p})
		}
		return all
	}
	switch kind {
	case KindTCP:
		return inet(unix.SOCK_STREAM, 0, unix.IPPROTO_TCP, ipprotoMPTCP, ipprotoSMC)
	case KindUDP:
		return inet(unix.SOCK_DGRAM, 0, unix.IPPROTO_UDP, unix.IPPROTO_UDPLITE)
	case KindICMP:
		return inet(unix.SOCK_DGRAM, unix.IPPROTO_ICMP)
	case KindICMPv6:
		return inet(unix.SOCK_DGRAM, unix.IPPROTO_ICMPV6)
	case KindRawICMP:
		return inet(unix.SOCK_RAW, unix.IPPROTO_ICMP)
	case KindRawICMPv6:
		return inet(unix.SOCK_RAW, unix.IPPROTO_ICMPV6)
	case KindRaw:
		return inet(unix.SOCK_RAW, unix.IPPROTO_RAW, unix.IPPROTO_TCP, unix.IPPROTO_UDP)
	case KindSCTP:
		return append(inet(unix.SOCK_STREAM, unix.IPPROTO_SCTP), inet(unix.SOCK_SEQPACKET, 0, unix.IPPROTO_SCTP)...)
	case KindDCCP:
		return inet(unix.SOCK_DCCP, 0, unix.IPPROTO_DCCP)
	case KindRawSCTP:
		return inet(unix.SOCK_RAW, unix.IPPROTO_SCTP)
	case KindRawDCCP:
		return inet(unix.SOCK_RAW, unix.IPPROTO_DCCP)
	default:
		return inet(unix.SOCK_RDM, 0)
	}
}

// unseenFamilies are the address families whose sockets cgroup programs are
// not asked about, though rules can mean them, in ascending order. An
// allow-list speaks of all but unix and netlink sockets.
func unseenFamilies() []int {
	var families []int
	for f := unix.AF_UNSPEC + 1; f < unix.AF_MAX; f++ {
		switch f {
		case unix.AF_INET, unix.AF_INET6, unix.AF_UNIX, unix.AF_NETLINK:
		default:
			families = append(families, f)
		}
	}
	return families
}

// socketsIn are sockets of every type of a family, which seccomp does not
// tell apart.
func socketsIn(family int) []model.Socket {
	var all []model.Socket
	for t := unix.SOCK_STREAM; t <= unix.SOCK_PACKET; t++ {
		all = append(all, model.Socket{Family: family, Type: t})
	}
	return all
}

// String is the kind's name as events and explain print it.
func (k SocketKind) String() string {
	names := [SocketKinds]string{
		KindTCP:       "tcp",
		KindUDP:       "udp",
		KindICMP:      "icmp",
		KindICMPv6:    "icmpv6",
		KindRawICMP:   "raw icmp",
		KindRawICMPv6: "raw icmpv6",
		KindRaw:       "raw",
		KindSCTP:      "sctp",
		KindDCCP:      "dccp",
		KindOther:     "other inet",
		KindRawSCTP:   "raw sctp",
		KindRawDCCP:   "raw dccp",
	}
	if k < SocketKinds {
		return names[k]
	}
	return fmt.Sprintf("socket kind %d", uint32(k))
}
