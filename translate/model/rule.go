package model

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/glob"
)

// rule is a Rule with its pattern parsed and its specificity known.
type rule struct {
	Rule
	glob        *glob.Glob // Pattern only; nil if it does not parse
	specificity specificity
}

func prepare(r Rule) *rule {
	p := &rule{Rule: r}
	switch p.Object.Kind {
	case policy.Directory:
		p.Object.Name = trimSlash(p.Object.Name)
	case policy.Pattern:
		p.glob = parse(p.Object.Name)
	}
	p.specificity = specificityOf(p)
	return p
}

// parse is the glob of pattern, or nil.
func parse(pattern string) *glob.Glob {
	g, err := glob.Parse(pattern)
	if err != nil {
		return nil
	}
	return &g
}

// matches says whether the rule's object covers that of a, which is of the
// rule's class.
func (r *rule) matches(a Access) bool {
	switch o := r.Object; o.Kind {
	case policy.Path:
		return a.Path != "" && a.Path == o.Name
	case policy.Directory:
		return a.Path != "" && inDirectory(a.Path, o.Name, o.Recursive)
	case policy.Pattern:
		if r.glob == nil {
			return r.Action == policy.Block
		}
		return a.Path != "" && r.glob.Match(a.Path)
	case policy.ExecName:
		return a.ExecName == o.Name || a.Path != "" && path.Base(a.Path) == o.Name
	case policy.Protocol:
		return slices.Contains(Protocols(a.Socket), o.Name)
	case policy.Capability:
		return a.Name == o.Name
	case policy.Syscall:
		return a.Name == o.Name && (o.Target == "" || a.Target == o.Target ||
			o.Recursive && below(a.Target, o.Target))
	default:
		return r.Action == policy.Block // an object of unknown kind fails closed
	}
}

// lists says whether the rule makes an allow-list. One of system calls, which
// are audited only, does not.
func (r *rule) lists() bool { return r.Action == policy.Allow && r.Class != policy.Syscalls }

// answer is what the rule says of an access that it matches.
func (r *rule) answer(a Access) Verdict {
	v := Verdict{Action: r.Action, Rule: r.Number, Tier: r.Tier, Reason: ByRule}
	switch r.Class {
	case policy.Syscalls: // audited only, whatever the action says
		v.Action = policy.Audit
		if r.absolute() {
			v.Action = policy.Block
		}
	case policy.Process, policy.File:
		readOnly := r.ReadOnly && r.Class == policy.File
		if !r.OwnerOnly && !readOnly {
			break
		}
		v.Reason = ByFlag
		passes := (!r.OwnerOnly || a.UID == a.Owner) && (!readOnly || a.Operation == Read)
		switch {
		case passes:
			v.Action = policy.Allow
		case r.Action != policy.Audit:
			v.Action = policy.Block
		}
	}
	return v
}

// absolute says that the rule's mechanism knows no exception by source: a
// Block without source takes a capability out of every set, and an enforced
// one puts a system call into the filter.
func (r *rule) absolute() bool {
	if r.Action != policy.Block || r.Sourced() {
		return false
	}
	return r.Class == policy.Capabilities || r.Class == policy.Syscalls && r.Enforce && r.Object.Target == ""
}

// shields says whether the rule is a Block on a path, be it one, a directory
// or a pattern, whose names are protected and whose container may not mount.
func (r *rule) shields() bool {
	if r.Action != policy.Block || r.Class != policy.Process && r.Class != policy.File {
		return false
	}
	switch r.Object.Kind {
	case policy.Path, policy.Directory, policy.Pattern:
		return true
	}
	return false
}

// below says whether the rule's objects lie below dir. A pattern's are taken
// to lie in the last directory of its literal prefix: deeper directories that
// it might match through are not protected against renaming.
func (r *rule) below(dir string) bool {
	switch r.Object.Kind {
	case policy.Directory:
		return dir == r.Object.Name || below(r.Object.Name, dir)
	case policy.Pattern:
		if r.glob == nil {
			return true
		}
		return below(r.glob.Prefix()+"x", dir) // the prefix /a/b/ lies below /a/b
	default:
		return below(r.Object.Name, dir)
	}
}

// specificity says how narrowly an object is named.
type specificity struct {
	kind   int  // lower is narrower
	length int  // of the literal prefix or directory; longer is narrower
	flat   bool // direct children only
}

func specificityOf(r *rule) specificity {
	switch o := r.Object; o.Kind {
	case policy.Pattern:
		s := specificity{kind: 1}
		if r.glob != nil {
			s.length = len(r.glob.Prefix())
		}
		return s
	case policy.Directory:
		return specificity{kind: 2, length: len(o.Name), flat: !o.Recursive}
	case policy.Protocol:
		if o.Name == "all" {
			return specificity{kind: 1}
		}
	case policy.Syscall:
		switch {
		case o.Target == "":
			return specificity{kind: 2}
		case o.Recursive:
			return specificity{kind: 1, length: len(o.Target)}
		}
	}
	return specificity{} // path, base name, one protocol, a capability
}

// compare is negative if s is the more specific. Directories that match one
// path contain each other, so the longer name is the deeper one.
func (s specificity) compare(t specificity) int {
	return cmp.Or(
		cmp.Compare(s.kind, t.kind),
		-cmp.Compare(s.length, t.length),
		before(s.flat, t.flat),
	)
}

// inDirectory says whether path is dir, a direct child of it or, with
// recursive, anything below it.
func inDirectory(path, dir string, recursive bool) bool {
	if path == dir {
		return true
	}
	return below(path, dir) && (recursive || !strings.Contains(strings.TrimPrefix(path[len(dir):], "/"), "/"))
}

// below says whether path lies anywhere below dir.
func below(path, dir string) bool {
	if dir == "/" {
		return len(path) > 1 && path[0] == '/'
	}
	return len(path) > len(dir) && path[len(dir)] == '/' && path[:len(dir)] == dir
}

// trimSlash takes off trailing slashes, but for the root's.
func trimSlash(dir string) string {
	if trimmed := strings.TrimRight(dir, "/"); trimmed != "" || dir == "" {
		return trimmed
	}
	return "/"
}
