package agreement

import (
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate"
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

// permitted is the answer of what has nothing to say.
var permitted = model.Verdict{Action: policy.Allow, Rule: -1, Reason: model.ByNothing}

// exempt says whether the guard's hooks ask nothing of the image: a task maps
// the file that it runs.
func exempt(a model.Access) bool { return a.Operation == model.Map && a.Path == a.Source }

// decode reads a verdict's cell.
func decode(cell uint64, c *Case) (model.Verdict, error) {
	actions := []policy.Action{policy.Block, policy.Audit, policy.Allow}
	reasons := []model.Reason{"", model.ByRule, model.ByFlag, model.ByPosture, model.ByBase, model.ByNothing, model.ByLoader, model.ByMemory, model.ByTamper}
	tiers := []policy.Tier{"", policy.Cluster, policy.Namespaced}
	action, reason, tier := int(byte(cell)), int(byte(cell>>8)), int(byte(cell>>16))
	if action >= len(actions) || reason == 0 || reason >= len(reasons) || tier >= len(tiers) {
		return model.Verdict{}, fmt.Errorf("the cell %#x is no verdict", cell)
	}
	rule := int(int32(cell >> 32))
	if rule >= len(c.Rules) {
		return model.Verdict{}, fmt.Errorf("the cell %#x names rule %d of %d", cell, rule, len(c.Rules))
	}
	if rule >= 0 {
		rule = c.Rules[rule].Number
	}
	return model.Verdict{Action: actions[action], Rule: rule, Tier: tiers[tier], Reason: reasons[reason]}, nil
}

func capabilityNumber(name string) int { return slices.Index(translate.KnownCapabilities(), name) }

// The guard's kinds of sockets beside those over IP, as layout.h numbers them.
const (
	kindPacket = int(translate.SocketKinds) + iota
	kindSMC
	kindVsock
	kindFamily
)

// kindOf is the guard's kind of a socket; -1 if it is of no rule's.
func kindOf(s model.Socket) int {
	switch s.Family {
	case unix.AF_UNIX, unix.AF_NETLINK:
		return -1
	case unix.AF_INET, unix.AF_INET6:
		return inetKind(s.Type, s.Protocol)
	case unix.AF_PACKET:
		return kindPacket
	case unix.AF_SMC:
		return kindSMC
	case unix.AF_VSOCK:
		return kindVsock
	}
	return kindFamily
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
		return kindPacket
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
