package reader

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/seccomp/libseccomp-golang"
	"go.yaml.in/yaml/v3"

	"github.com/prearm/prearm/policy"
)

// capabilities are those of Linux 6.18 (linux/capability.h), the last of
// them since 5.9.
var capabilities = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
	"CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
	"CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
	"CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
	"CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
}

// protocols can be enforced; socketTypes are names that the public
// definitions have as well, and that say nothing about a protocol.
var (
	protocols   = []string{"tcp", "udp", "icmp", "icmpv6", "raw", "sctp", "dccp", "all"}
	socketTypes = []string{"stream", "dgram", "rdm", "seqpacket", "packet"}
)

// protocol reads a protocol's name, in either case.
func (e *entry) protocol(d *decoder) field {
	return func(n *yaml.Node, at string) {
		v, ok := d.str(n, at)
		if !ok {
			return
		}
		name := strings.ToLower(v)
		switch {
		case slices.Contains(protocols, name):
			e.rule.Object.Name = name
		case slices.Contains(socketTypes, name):
			e.rule.Object.Name = name
			e.rule.Unsupported = "protocol " + name
		default:
			d.fail(n, at, suggestName(name, protocols), "%s is no protocol", quote(v))
		}
	}
}

var syscallShape = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

// syscallNames reads a list of system calls, checked against libseccomp.
func (d *decoder) syscallNames(n *yaml.Node, at string) (names []string) {
	before := len(d.errs)
	d.list(n, at, func(item *yaml.Node, at string) {
		v, ok := d.str(item, at)
		if !ok {
			return
		}
		if !KnownSyscall(v) {
			d.fail(item, at, suggestName(v, allSyscalls()), "%s is no system call", quote(v))
			return
		}
		names = append(names, v)
	})
	if len(names) == 0 && len(d.errs) == before {
		d.fail(n, at, "name one", "names no system call")
	}
	return names
}

// KnownSyscall says whether a system call of this name exists on any processor.
func KnownSyscall(name string) bool {
	// The shape first: libseccomp reads up to a NUL.
	if !syscallShape.MatchString(name) {
		return false
	}
	_, err := seccomp.GetSyscallFromName(name)
	return err == nil
}

// allSyscalls are the names of this architecture's calls, for suggestions.
func allSyscalls() []string {
	const highest = 600 // numbers in use end below 500
	var names []string
	for nr := range seccomp.ScmpSyscall(highest) {
		if name, err := nr.GetName(); err == nil {
			names = append(names, name)
		}
	}
	return names
}

// selector reads which containers the policy is for.
func (d *decoder) selector(n *yaml.Node, at string, p *policy.Policy) {
	keys := []string{policy.KeyLabel}
	known := fields{}
	if p.Kind == policy.KindClusterPolicy {
		keys = []string{policy.KeyNamespace, policy.KeyLabel}
	} else {
		known["matchLabels"] = func(n *yaml.Node, at string) {
			nodes := map[string]*yaml.Node{}
			labels := d.stringMap(n, at, nodes)
			if v, ok := labels[policy.ContainerLabel]; ok {
				p.Selector.Containers = d.containers(nodes[policy.ContainerLabel], at+"["+quote(policy.ContainerLabel)+"]", v)
				delete(labels, policy.ContainerLabel)
			}
			if len(labels) > 0 {
				p.Selector.MatchLabels = labels
			}
		}
	}
	known["matchExpressions"] = func(n *yaml.Node, at string) {
		d.list(n, at, func(item *yaml.Node, at string) {
			p.Selector.Match = append(p.Selector.Match, d.expression(item, at, keys))
		})
	}
	d.object(n, at, known)
}

var validContainer = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$`)

// containers reads "[a,b]" or "a".
func (d *decoder) containers(n *yaml.Node, at, value string) []string {
	inner, opened := strings.CutPrefix(strings.TrimSpace(value), "[")
	inner, closed := strings.CutSuffix(inner, "]")
	names := []string{inner}
	if opened && closed {
		names = strings.Split(inner, ",")
	}
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
		if opened != closed || !validContainer.MatchString(names[i]) {
			d.fail(n, at, `write "[name]" or "[name,name]"`, "%s names no containers", quote(value))
			return nil
		}
	}
	return names
}

// expression reads one item of matchExpressions.
func (d *decoder) expression(n *yaml.Node, at string, keys []string) (e policy.Expression) {
	var values []*yaml.Node
	before := len(d.errs)
	ok := d.object(n, at, fields{
		"key":      func(n *yaml.Node, at string) { e.Key, _ = d.one(n, at, keys...) },
		"operator": func(n *yaml.Node, at string) { e.Operator, _ = d.one(n, at, policy.OperatorIn, policy.OperatorNotIn) },
		"values": func(n *yaml.Node, at string) {
			d.list(n, at, func(item *yaml.Node, at string) {
				if v, ok := d.str(item, at); ok {
					e.Values, values = append(e.Values, v), append(values, item)
				}
			})
		},
	})
	if !ok {
		return e
	}
	d.required(n, at, "key", "operator", "values")
	if len(d.errs) > before {
		return e
	}
	if len(e.Values) == 0 {
		d.fail(n, join(at, "values"), "name one", "has no values")
	}
	for i, v := range e.Values {
		where := join(at, "values") + "[" + strconv.Itoa(i) + "]"
		label, _, pair := strings.Cut(v, "=")
		switch {
		case e.Key == policy.KeyNamespace && !validName.MatchString(v):
			d.fail(values[i], where, "", "%s is not a name", quote(v))
		case e.Key == policy.KeyLabel && (!pair || label == ""):
			d.fail(values[i], where, "write label=value", "%s is not a label and its value", quote(v))
		}
	}
	return e
}
