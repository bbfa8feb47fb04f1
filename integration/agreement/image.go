package agreement

import (
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/image"
	"github.com/prearm/prearm/translate/model"
	"github.com/prearm/prearm/translate/rootfs"
)

// Imager gives the guard's image of a case's rules.
type Imager func(c *Case) ([]uint64, error)

// Compiler compiles cases as a container's start does.
type Compiler struct{ root *rootfs.Root }

// NewCompiler takes an empty folder for the container's file systems: in the
// rules of a case, all paths are resolved.
func NewCompiler(empty string) (*Compiler, error) {
	if entries, err := os.ReadDir(empty); err != nil || len(entries) > 0 {
		return nil, fmt.Errorf("%s: not an empty folder (%w)", empty, err)
	}
	root, err := rootfs.New(empty, nil)
	if err != nil {
		return nil, err
	}
	return &Compiler{root}, nil
}

// Close closes the folder.
func (c *Compiler) Close() error { return c.root.Close() }

// Plan compiles a case for a host, whose enforcer is as the config has it. A
// rule's number in the plan is its place in the case.
func (c *Compiler) Plan(of *Case, host translate.Host, enforcer string) (*translate.Plan, error) {
	in := translate.Input{Posture: of.Posture, Host: host, Root: c.root, Enforcer: enforcer}
	for i, r := range of.Rules {
		rule := policy.Rule{Tier: r.Tier, Class: r.Class, Action: r.Action, Object: r.Object, OwnerOnly: r.OwnerOnly, ReadOnly: r.ReadOnly,
			Severity: 1, Address: fmt.Sprintf("n/p: rule %d", i)}
		for _, s := range r.Sources {
			rule.Sources = append(rule.Sources, policy.Source{Path: s})
		}
		in.Rules = append(in.Rules, rule)
	}
	plan, err := translate.Compile(in)
	if err != nil {
		return nil, err
	}
	for i, coverage := range plan.Coverage {
		if coverage.Unenforceable != "" {
			return nil, fmt.Errorf("%s: %s", ruleText(of.Rules[i]), coverage.Unenforceable)
		}
	}
	return plan, nil
}

// Image is the image that a start makes.
func (c *Compiler) Image(of *Case) ([]uint64, error) {
	plan, err := c.Plan(of, translate.Host{Guard: true, BPFLSM: true, Seccomp: true, CgroupBPF: true, Hook: true}, translate.EnforcerBPF)
	if err != nil {
		return nil, err
	}
	if plan.Guard == nil {
		return nil, fmt.Errorf("the plan of %d rules has no image", len(of.Rules))
	}
	return plan.GuardImage()
}

// Interpreter walks the image of a case in user space.
type Interpreter struct{ Image Imager }

// Decide asks the image.
func (p Interpreter) Decide(c *Case) ([]model.Verdict, error) {
	cells, err := p.Image(c)
	if err != nil {
		return nil, err
	}
	m := image.Image(cells)
	verdicts := make([]model.Verdict, len(c.Accesses))
	for i, a := range c.Accesses {
		var v image.Verdict
		source := m.Source(a.Source)
		switch {
		case a.Operation == model.Mount:
			v = m.Mount()
		case a.Class == policy.Network:
			v = m.Socket(source, kindOf(a.Socket))
		case a.Class == policy.Capabilities:
			v = m.Capability(source, capabilityNumber(a.Name))
		default:
			v = m.Decide(a.Class, a.Operation, image.Object{Path: a.Path, ExecName: a.ExecName}, source, a.UID == a.Owner)
		}
		if verdicts[i], err = answer(v, a, c); err != nil {
			return nil, err
		}
	}
	return verdicts, nil
}

// answer is the guard's to an access, of which the image says v.
func answer(v image.Verdict, a model.Access, c *Case) (model.Verdict, error) {
	if a.Class == policy.File && a.Foreign { // of which the image has the action alone
		return model.Verdict{Action: v.Foreign}, nil
	}
	if a.Operation == model.Map && !a.Foreign { // of the file that the task runs, which the hooks do not ask about
		return permitted, nil
	}
	if v.Rule >= len(c.Rules) {
		return model.Verdict{}, fmt.Errorf("%s: the image names rule %d of %d", accessText(a), v.Rule, len(c.Rules))
	}
	if v.Rule >= 0 {
		v.Rule = c.Rules[v.Rule].Number
	}
	return model.Verdict{Action: v.Action, Rule: v.Rule, Tier: v.Tier, Reason: v.Reason}, nil
}

func capabilityNumber(name string) int { return slices.Index(translate.KnownCapabilities(), name) }

// kindOf is the guard's kind of a socket; -1 if it is of no rule's.
func kindOf(s model.Socket) int {
	switch s.Family {
	case unix.AF_UNIX, unix.AF_NETLINK:
		return -1
	case unix.AF_INET, unix.AF_INET6:
		return inetKind(s.Type, s.Protocol)
	case unix.AF_PACKET:
		return image.SocketPacket
	case unix.AF_SMC:
		return image.SocketSMC
	case unix.AF_VSOCK:
		return image.SocketVsock
	}
	return image.SocketFamily
}

func inetKind(typ, protocol int) int {
	raw := typ == unix.SOCK_RAW
	either := func(ifRaw, otherwise translate.SocketKind) int {
		if raw {
			return int(ifRaw)
		}
		return int(otherwise)
	}
	switch {
	case typ == unix.SOCK_PACKET:
		return image.SocketPacket
	case protocol == unix.IPPROTO_ICMP:
		return either(translate.KindRawICMP, translate.KindICMP)
	case protocol == unix.IPPROTO_ICMPV6:
		return either(translate.KindRawICMPv6, translate.KindICMPv6)
	case protocol == unix.IPPROTO_SCTP, protocol == 0 && typ == unix.SOCK_SEQPACKET:
		return either(translate.KindRawSCTP, translate.KindSCTP)
	case protocol == unix.IPPROTO_DCCP:
		return either(translate.KindRawDCCP, translate.KindDCCP)
	case raw:
		return int(translate.KindRaw)
	}
	switch typ {
	case unix.SOCK_STREAM:
		return int(translate.KindTCP)
	case unix.SOCK_DGRAM:
		return int(translate.KindUDP)
	case unix.SOCK_DCCP:
		return int(translate.KindDCCP)
	}
	return int(translate.KindOther)
}
