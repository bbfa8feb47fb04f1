package translate

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

// sourcedProtocol says whether AppArmor can tell a protocol's sockets by
// family and type.
func sourcedProtocol(name string) bool {
	switch name {
	case "tcp", "udp", "raw", "all":
		return true
	}
	return false
}

// socketTypes are the types of sockets that AppArmor has names for, with the
// kind that stands for an inet socket of the type.
var socketTypes = [...]struct {
	name string
	typ  int
	kind SocketKind
}{
	{"stream", unix.SOCK_STREAM, KindTCP},
	{"dgram", unix.SOCK_DGRAM, KindUDP},
	{"seqpacket", unix.SOCK_SEQPACKET, KindSCTP},
	{"rdm", unix.SOCK_RDM, KindOther},
	{"raw", unix.SOCK_RAW, KindRaw},
}

// socketFamilies are the families that rules can mean.
var socketFamilies = [...]struct {
	name   string
	family int
}{
	{"inet", unix.AF_INET},
	{"inet6", unix.AF_INET6},
	{"packet", unix.AF_PACKET},
	{"smc", unix.AF_SMC},
	{"vsock", unix.AF_VSOCK},
}

// networkLines are what a profile says of sockets, for the domain of an
// executable: what the rules deny to it or alert on, and that is not denied
// or alerted on for all.
func networkLines(p *Plan, rules []model.Rule, source string) []string {
	var ours []model.Rule
	for _, r := range rules {
		if r.Class == policy.Network {
			ours = append(ours, r)
		}
	}
	decide := model.New(ours, p.Posture)
	verdict := func(family, typ int) policy.Action {
		a := creation(model.Socket{Family: family, Type: typ})
		a.Source = source
		return decide.Decide(a).Action
	}
	// A family that no rule can mean stands for all of them.
	listed := verdict(unix.AF_CAN, unix.SOCK_RAW) == policy.Block
	lines := []string{"network"}
	if listed {
		lines = []string{"network netlink", "network unix"}
	}
	for _, f := range socketFamilies {
		effects := make(map[effect][]string) // types
		for _, t := range socketTypes {
			v := verdict(f.family, t.typ)
			e := permit
			switch {
			case v == policy.Block:
				e = deny
			case v == policy.Audit && !alerted(p, f.family, t.kind):
				e = audit
			}
			effects[e] = append(effects[e], t.name)
		}
		for _, e := range []effect{permit, audit, deny} {
			if e == permit && !listed || e == deny && listed {
				continue // as every socket is
			}
			if len(effects[e]) == len(socketTypes) {
				lines = append(lines, fmt.Sprintf("%snetwork %s", e, f.name))
				continue
			}
			for _, t := range effects[e] {
				lines = append(lines, fmt.Sprintf("%snetwork %s %s", e, f.name, t))
			}
		}
	}
	return lines
}

// alerted says whether the cgroup programs alert on such a socket themselves.
func alerted(p *Plan, family int, kind SocketKind) bool {
	return (family == unix.AF_INET || family == unix.AF_INET6) && p.Network != nil && p.Network.Verdicts[kind].Action == policy.Audit
}
