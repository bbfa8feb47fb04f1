// Package policy reads, checks and indexes security policies, and selects
// the rules that apply to a container.
//
// It knows what policies say, never how a kernel enforces them: nothing here
// depends on the host. The reader (yaml) and the node's store (store) live in
// their own packages, so that the start path links only what it uses.
package policy

// Class is what a rule is about.
type Class string

const (
	Process      Class = "process"
	File         Class = "file"
	Network      Class = "network"
	Capabilities Class = "capabilities"
	Syscalls     Class = "syscalls"
)

// Action is what happens to an access that a rule matches.
type Action string

const (
	Allow Action = "Allow"
	Audit Action = "Audit"
	Block Action = "Block"
)

// Tier separates cluster policies from namespaced ones. Each tier is decided
// alone and the stricter answer stands, so that a namespace cannot loosen
// what the cluster demands.
type Tier string

const (
	Cluster    Tier = "cluster"
	Namespaced Tier = "namespaced"
)

// ObjectKind is how a rule names its object.
type ObjectKind string

const (
	Path       ObjectKind = "path"       // a literal absolute path
	Directory  ObjectKind = "dir"        // the directory (no slash at its end) and its direct children; with Recursive, everything below
	Pattern    ObjectKind = "pattern"    // a glob in AppArmor's syntax
	ExecName   ObjectKind = "execname"   // a base name (process only)
	Protocol   ObjectKind = "protocol"   // lower case: tcp udp icmp icmpv6 raw sctp dccp all
	Capability ObjectKind = "capability" // canonical: CAP_NET_RAW
	Syscall    ObjectKind = "syscall"    // a system call's name; see Object.Target
)

// Object is what a rule protects or permits.
type Object struct {
	Kind      ObjectKind `json:"kind"`
	Name      string     `json:"name"`                // path, pattern, base name, protocol, capability or system call
	Recursive bool       `json:"recursive,omitempty"` // Directory, and Target
	// Target is the path argument that a syscalls.matchPaths rule compares;
	// empty for every other rule. With a slash at its end (which it never has
	// if Recursive) it is a directory, and means its direct children and itself.
	Target string `json:"target,omitempty"`
}

// Source restricts a rule to accesses by one acting executable, or (system
// calls only) by any executable in a directory.
type Source struct {
	Path      string `json:"path,omitempty"`
	Dir       string `json:"dir,omitempty"`
	Recursive bool   `json:"recursive,omitempty"`
}

// Position is where a rule or a mistake stands in a policy file. Lines and
// columns count from 1.
type Position struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// Rule is one entry of a policy with every inherited value resolved. A policy
// of N entries gives N rules; a syscalls entry naming several calls gives one
// rule for each.
type Rule struct {
	Tier      Tier     `json:"tier"`
	Class     Class    `json:"class"`
	Action    Action   `json:"action"`
	Object    Object   `json:"object"`
	Sources   []Source `json:"sources,omitempty"` // none: every process
	OwnerOnly bool     `json:"ownerOnly,omitempty"`
	ReadOnly  bool     `json:"readOnly,omitempty"`
	// Enforce is set on syscalls rules of a policy that opted into
	// enforcement with the annotation prearm.dev/syscalls: enforce.
	Enforce  bool     `json:"enforce,omitempty"`
	Severity int      `json:"severity"` // 1 to 10
	Tags     []string `json:"tags,omitempty"`
	Message  string   `json:"message,omitempty"`
	// Unsupported names the recognised field that cannot be enforced yet
	// (presets, matchDNSQueries, ...); such a rule is refused by the planner.
	Unsupported string `json:"unsupported,omitempty"`
	// Address names the rule to people: "ns/policy: process.matchPaths[0]";
	// a cluster policy has no "ns/".
	Address  string   `json:"address"`
	Position Position `json:"position"`
}
