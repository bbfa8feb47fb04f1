// Package model is the reference decision: what a policy means, as a small
// pure function. Every mechanism that enforces a policy must agree with it,
// but for the residuals that the plan names; the tests compare them with it.
package model

import (
	"slices"

	"github.com/prearm/prearm/policy"
)

// Rule is a policy rule whose object and sources have been resolved against
// the container's file systems. One policy rule may cover several objects (a
// symlink and its target), and then yields several Rules of one Number.
type Rule struct {
	Number  int         // index into the plan's policy rules; travels with kernel events
	Tier    policy.Tier // decided apart
	Class   policy.Class
	Action  policy.Action
	Object  policy.Object // canonical: what the kernel sees inside the container
	Sources []string      // canonical executables
	// SourceDirs are directories of acting executables, canonical (system
	// calls only). With no Sources either, the rule is for every process.
	SourceDirs []policy.Source
	OwnerOnly  bool
	ReadOnly   bool
	Enforce    bool // system calls: a Block without source or path denies
}

// BaseEntry is one line of the base set: what a process in allow-list mode
// for files may read, and write if Write is set, though no rule allows it.
type BaseEntry struct {
	Pattern string // a glob, as in rules
	Write   bool
	Own     bool // a process's own entries of /proc alone; see Access.Foreign
}

// Operation is what a process does to an object.
type Operation string

const (
	Exec  Operation = "exec"  // execve of the object (process class)
	Map   Operation = "map"   // mapping the object as code (process class)
	Read  Operation = "read"  // file class: open for reading, list, connect to a unix socket
	Write Operation = "write" // file class: every other operation of section "Operations"
	// Tamper is linking, renaming, replacing or removing an object, or
	// renaming a directory above it. Decide it for class Process or File: a
	// Block there on the object refuses it.
	Tamper Operation = "tamper"
	Mount  Operation = "mount"  // mount, umount, move a mount, pivot_root
	Create Operation = "create" // network: creating or using a socket
	Use    Operation = "use"    // capabilities, syscalls
)

// Socket describes a socket by the kernel's own numbers (AF_INET, SOCK_STREAM,
// IPPROTO_TCP, ...). Protocol 0 stands for the family's default of the type.
type Socket struct {
	Family   int
	Type     int
	Protocol int
}

// Access is one thing that a process of the container tries.
type Access struct {
	Class     policy.Class
	Operation Operation
	Path      string // process, file: canonical; "" is a nameless object (memfd)
	ExecName  string // process: last component of the name executed by, when it differs from Path's
	Loader    bool   // process: the object is the dynamic loader
	// Foreign says what the path alone does not tell: that the object below
	// /proc/PID is another process's, and that a mapped file is not the one
	// that the task runs.
	Foreign bool
	Socket  Socket // network
	Name    string // capabilities: CAP_...; syscalls: the call's name
	Target  string // syscalls: the path argument
	Source  string // the acting executable, canonical
	UID     uint32 // the task's fsuid
	Owner   uint32 // process, file: the object's owner
}

// Reason says why a verdict came about.
type Reason string

const (
	ByRule    Reason = "rule"           // a rule matched and won
	ByFlag    Reason = "flag"           // ownerOnly or readOnly of the rule that won
	ByPosture Reason = "DefaultPosture" // allow-list mode or a closed object
	ByBase    Reason = "base"           // the base set of a file allow-list
	ByNothing Reason = "none"           // no rule of the class speaks of it
	ByLoader  Reason = "loader"         // the loader, run as a program, unnamed
	ByMemory  Reason = "nameless"       // a nameless object executed under process rules
	ByTamper  Reason = "tamper"         // protects a blocked object's name
)

// Verdict is the answer for one access.
type Verdict struct {
	Action policy.Action // Allow, Audit or Block
	Rule   int           // Number of the deciding rule, -1 if none
	Tier   policy.Tier   // tier that the answer comes from, "" if none
	Reason Reason
}

// Ranked gives rules of one class and tier, all of them for one acting
// executable, in the order in which they are asked about an operation by the
// object's owner, or by another: of those that match, the first decides.
func Ranked(rules []Rule, op Operation, owner bool) []Rule {
	prepared := make([]*rule, len(rules))
	for i, r := range rules {
		prepared[i] = prepare(r)
	}
	slices.SortStableFunc(prepared, func(x, y *rule) int {
		return precedence(accessBy(owner, x.Class, op), x, y)
	})
	ranked := make([]Rule, len(rules))
	for i, p := range prepared {
		ranked[i] = p.Rule
	}
	return ranked
}

// Answer is what the rule says of an operation on its object by the object's
// owner, or by another.
func (r Rule) Answer(op Operation, owner bool) policy.Action {
	return prepare(r).answer(accessBy(owner, r.Class, op)).Action
}

// accessBy is an access to an object that is the acting user's own, or is not.
func accessBy(owner bool, class policy.Class, op Operation) Access {
	a := Access{Class: class, Operation: op}
	if !owner {
		a.UID = a.Owner + 1
	}
	return a
}

// Sourced says whether the rule is for certain executables only.
func (r *Rule) Sourced() bool { return len(r.Sources) > 0 || len(r.SourceDirs) > 0 }

// From says whether the rule is for accesses by the executable source.
func (r *Rule) From(source string) bool {
	if !r.Sourced() || slices.Contains(r.Sources, source) {
		return true
	}
	return slices.ContainsFunc(r.SourceDirs, func(d policy.Source) bool {
		return source != "" && inDirectory(source, trimSlash(d.Dir), d.Recursive)
	})
}
