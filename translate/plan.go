// Package translate compiles the rules that apply to a container into a Plan:
// what each kernel mechanism must do so that the rules mean on this host what
// the model says. It is pure, but for reading the container's file systems
// through the Root it is given.
package translate

import (
	"slices"
	"strings"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

// Host is what the kernel and the tools of this node can do. It is probed
// once per start, cheaply, by package hooks.
type Host struct {
	Kernel         string `json:"kernel"`         // uname -r
	AppArmor       bool   `json:"apparmor"`       // the LSM is enabled
	AppArmorParser string `json:"apparmorParser"` // path of apparmor_parser, "" if missing
	AppArmorABI    string `json:"apparmorABI"`    // digest of the kernel's AppArmor features
	CgroupBPF      bool   `json:"cgroupBPF"`      // cgroup v2 and bpffs are there
	Seccomp        bool   `json:"seccomp"`
	BPFLSM         bool   `json:"bpfLSM"`
	// Guard says that this kernel takes the guard's programs, which bpf among
	// its security modules alone does not prove.
	Guard bool `json:"guard,omitempty"`
	// Hook is true where prearm runs as a hook of the OCI runtime and without
	// its shim.
	Hook bool `json:"hook,omitempty"`
}

// Mechanism is a kernel facility that enforces rules.
type Mechanism string

const (
	ByCapabilities Mechanism = "capability drop"
	BySeccomp      Mechanism = "seccomp"
	ByCgroupBPF    Mechanism = "cgroup eBPF"
	ByAppArmor     Mechanism = "AppArmor"
	ByGuard        Mechanism = "guard"
)

// Plan is what must be in force before the container's first instruction.
type Plan struct {
	// Digest names everything that containers of the same rules, resolved
	// paths and host features share: profile, ruleset, cache entries. Hex.
	Digest string `json:"digest"`

	Rules    []policy.Rule  `json:"rules"` // as selected; a rule's number is its index
	Resolved []model.Rule   `json:"-"`     // the same, resolved
	Posture  policy.Posture `json:"posture"`
	// NoNewPrivileges says that processes start with no_new_privs.
	NoNewPrivileges bool       `json:"noNewPrivileges,omitempty"`
	Coverage        []Coverage `json:"coverage"` // one entry a rule, same order

	// Paths are the resolutions that the plan rests on. The createRuntime
	// hook refuses the start if one no longer holds.
	Paths []Resolution `json:"paths,omitempty"`

	Capabilities *Capabilities `json:"capabilities,omitempty"`
	Seccomp      *Seccomp      `json:"seccomp,omitempty"`
	AppArmor     *AppArmor     `json:"apparmor,omitempty"`
	Network      *Network      `json:"network,omitempty"`
	Guard        *Guard        `json:"guard,omitempty"`
}

// Coverage says by what a rule is enforced on this host, or why it is not.
type Coverage struct {
	Address    string      `json:"address"`
	Mechanisms []Mechanism `json:"mechanisms,omitempty"`
	Residuals  []string    `json:"residuals,omitempty"` // ids of the closed list
	// Why says for people why it is enforced by these and not by others.
	Why string `json:"why,omitempty"`
	// Unenforceable is why no mechanism enforces the rule; empty if one does.
	Unenforceable string `json:"unenforceable,omitempty"`
}

// Resolution is a path as a policy has it, and what it stood for in the
// container when the plan was compiled.
type Resolution struct {
	Path string `json:"path"`
	Real string `json:"real"` // canonical path inside the container
}

// Capabilities are removed from every set of every process of the container.
type Capabilities struct {
	Drop []string `json:"drop"` // canonical names, sorted
}

// Seccomp are system calls, and socket families, that fail with an errno.
// Package profiles adds the floor that the runtime itself needs; the shim
// merges the result with the filter that the container already has.
type Seccomp struct {
	Syscalls []string `json:"syscalls,omitempty"` // EPERM
	// Families are address families that socket(2) and socketpair(2) refuse
	// with EACCES. AF_PACKET includes AF_INET with SOCK_PACKET, which the
	// kernel takes for it.
	Families []int `json:"families,omitempty"`
}

// AppArmor is a policy to load, and the profile to enter on the first exec.
type AppArmor struct {
	Name string `json:"name"` // prearm-<digest prefix>: the first profile of the policy
	Text string `json:"text"` // apparmor.d syntax; the other profiles are the first one's children
	// Labels are what confines a process by the file that it executes, where
	// that is not Name: a profile, or several, stacked.
	Labels map[string]string `json:"labels,omitempty"`
}

// Label is what is to confine a process that executes the file, a canonical
// path.
func (a *AppArmor) Label(file string) string {
	if label, ok := a.Labels[file]; ok {
		return label
	}
	return a.Name
}

// Profiles are the names of all profiles of the policy, Name first.
func (a *AppArmor) Profiles() []string {
	names := []string{a.Name}
	for _, label := range a.Labels {
		for part := range strings.SplitSeq(label, "//&") {
			if !slices.Contains(names, part) {
				names = append(names, part)
			}
		}
	}
	slices.Sort(names)
	return names
}

// enterBy fills in the labels.
func (a *AppArmor) enterBy(domains []domain) {
	for i, d := range domains {
		for _, file := range d.executables {
			if a.Labels == nil {
				a.Labels = make(map[string]string)
			}
			a.Labels[file] = d.label(a.Name, i)
		}
	}
}

// Network is what the cgroup programs decide by.
type Network struct {
	Verdicts [SocketKinds]NetworkVerdict `json:"verdicts"` // indexed by SocketKind
}

// NetworkVerdict is the answer for one kind of socket.
type NetworkVerdict struct {
	Action policy.Action `json:"action,omitempty"` // "" permits without an event
	// Rule is the number of the deciding rule, or -1 for the posture.
	Rule int `json:"rule"`
}

// SocketKind partitions the inet sockets so finely that every network rule is
// a set of kinds: the kernel side classifies a socket once and looks up one
// verdict. bpf/prearm.h has the same enumeration.
type SocketKind uint32

const (
	KindTCP       SocketKind = iota // SOCK_STREAM, not SCTP: TCP, MPTCP, SMC over inet
	KindUDP                         // SOCK_DGRAM, not ICMP: UDP, UDP-Lite
	KindICMP                        // IPPROTO_ICMP, not raw
	KindICMPv6                      // IPPROTO_ICMPV6, not raw
	KindRawICMP                     // SOCK_RAW with IPPROTO_ICMP
	KindRawICMPv6                   // SOCK_RAW with IPPROTO_ICMPV6
	KindRaw                         // any other SOCK_RAW
	KindSCTP                        // IPPROTO_SCTP, any type but raw
	KindDCCP                        // SOCK_DCCP
	KindOther                       // any other inet socket
	KindRawSCTP                     // SOCK_RAW with IPPROTO_SCTP
	KindRawDCCP                     // SOCK_RAW with IPPROTO_DCCP
	SocketKinds                     // their count
)
