package agreement

import (
	"path"
	"strings"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/profiles/base"
	"github.com/prearm/prearm/translate/model"
)

// neighbourhood draws accesses that lie near rules.
type neighbourhood struct {
	drawer
	classes []policy.Class
	objects []policy.Object // of process and file rules
	names   []string        // that files are executed by
	sources []string
	base    []string // patterns of the base set
}

func newNeighbourhood(d drawer, rules []model.Rule) *neighbourhood {
	n := &neighbourhood{
		drawer:  d,
		classes: []policy.Class{policy.Process, policy.File, policy.Network, policy.Capabilities},
		objects: []policy.Object{{Kind: policy.Path, Name: "/a"}},
		names:   []string{"a", "sh", "ld.so"},
		sources: append(sourcesOf(rules), ""),
	}
	for _, b := range base.Files() {
		n.base = append(n.base, b.Pattern)
	}
	for _, r := range rules {
		for range 3 { // most accesses are of the rules' own classes
			n.classes = append(n.classes, r.Class)
		}
		if r.Class != policy.Process && r.Class != policy.File {
			continue
		}
		n.objects = append(n.objects, r.Object)
		if r.Object.Kind == policy.ExecName {
			n.names = append(n.names, r.Object.Name)
		}
	}
	return n
}

func (n *neighbourhood) access() model.Access {
	a := model.Access{Class: pick(n.drawer, n.classes), Source: n.source(), UID: uint32(n.IntN(2)), Owner: uint32(n.IntN(2)), Foreign: n.oneIn(6)}
	switch a.Class {
	case policy.Process:
		a.Operation = pick(n.drawer, []model.Operation{model.Exec, model.Exec, model.Exec, model.Map, model.Tamper})
		a.Path = n.path()
		if n.oneIn(3) {
			a.ExecName = n.name(a.Path)
		}
		if a.Operation == model.Exec && n.oneIn(30) {
			a.Path, a.ExecName = "", ""
		}
	case policy.File:
		a.Operation = pick(n.drawer, []model.Operation{model.Read, model.Read, model.Write, model.Write, model.Tamper})
		a.Path = n.path()
	case policy.Network:
		a.Operation, a.Socket = model.Create, pick(n.drawer, sockets())
	case policy.Capabilities:
		a.Operation, a.Name = model.Use, pick(n.drawer, capabilities)
	}
	if n.oneIn(50) {
		return model.Access{Operation: model.Mount}
	}
	return settle(a)
}

// source is one of the rules', or a file near one.
func (n *neighbourhood) source() string {
	s := pick(n.drawer, n.sources)
	if s != "" && n.oneIn(5) {
		return n.beside(s)
	}
	if n.oneIn(8) {
		return n.path()
	}
	return s
}

func (n *neighbourhood) name(file string) string {
	if n.oneIn(3) {
		return path.Base(n.beside(file))
	}
	return pick(n.drawer, n.names)
}

// path is an object of a rule, or near one; or anywhere.
func (n *neighbourhood) path() string {
	switch n.IntN(24) {
	case 0, 3:
		return n.beside(n.instance(pick(n.drawer, n.base)))
	case 1:
		return clean(n.drawer.path(5))
	case 2:
		if n.oneIn(3) {
			return clean(pick(n.drawer, long))
		}
	}
	o := pick(n.drawer, n.objects)
	name := o.Name
	switch o.Kind {
	case policy.Pattern:
		name = n.instance(name)
	case policy.ExecName:
		name = n.drawer.path(2) + "/" + name
	}
	if n.oneIn(3) {
		return clean(name)
	}
	return n.beside(name)
}

// beside is a path next to another: above it, below it, of the same length, a
// byte more or less.
func (n *neighbourhood) beside(path string) string {
	changed := []byte(path)
	at := n.IntN(len(changed) + 1)
	switch n.IntN(11) {
	case 0:
		return clean(parent(path))
	case 1:
		return clean(parent(parent(path)))
	case 2:
		return clean(path + "/" + pick(n.drawer, components))
	case 3:
		return clean(path + n.drawer.path(3))
	case 4:
		return clean(parent(path) + "/" + pick(n.drawer, components))
	case 5:
		return clean(path + pick(n.drawer, []string{"a", "x", ".so", "\x00", "\xfe", " "}))
	case 6:
		return clean(path[:at])
	case 7:
		if at < len(changed) {
			changed[at] = byte(1 + n.IntN(255))
		}
		return clean(string(changed))
	case 8:
		return clean(path[:at] + string(byte(1+n.IntN(127))) + path[at:])
	case 9: // of a depth or a length at the limits
		if n.oneIn(4) {
			return clean(path + pick(n.drawer, long))
		}
		return clean(path + "/a/b")
	default:
		return clean(path)
	}
}

// instance is a path that a glob matches, as a rule.
func (n *neighbourhood) instance(glob string) string {
	var b strings.Builder
	n.expand(&b, glob)
	return b.String()
}

func (n *neighbourhood) expand(b *strings.Builder, glob string) {
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; c {
		case '*':
			if i+1 < len(glob) && glob[i+1] == '*' {
				i++
				b.WriteString(pick(n.drawer, []string{"", "a", "b", "x", "a/b", "/x/", "ab/c", "a/b/c/x", "\xff"}))
				continue
			}
			b.WriteString(pick(n.drawer, []string{"", "a", "b", "x", "ab", "xx", "\xff", ".", "12"}))
		case '?':
			b.WriteByte("abcx\xff"[n.IntN(5)])
		case '[':
			end := strings.IndexByte(glob[i:], ']')
			if end < 2 {
				b.WriteByte(c)
				continue
			}
			set := strings.TrimLeft(glob[i+1:i+end], "^!")
			if set == "" || n.oneIn(4) {
				set = "abx/"
			}
			b.WriteByte(set[n.IntN(len(set))])
			i += end
		case '{':
			alternatives, length := group(glob[i:])
			if length == 0 {
				b.WriteByte(c)
				continue
			}
			n.expand(b, pick(n.drawer, alternatives))
			i += length - 1
		case '\\':
			if i++; i < len(glob) {
				b.WriteByte(glob[i])
			}
		default:
			b.WriteByte(c)
		}
	}
}

// group divides the alternatives that a glob begins with, and gives the length
// of all; 0 if they do not end.
func group(glob string) (alternatives []string, length int) {
	depth, from := 0, 1
	for i := 0; i < len(glob); i++ {
		switch glob[i] {
		case '\\':
			i++
		case '{':
			depth++
		case ',':
			if depth == 1 {
				alternatives = append(alternatives, glob[from:i])
				from = i + 1
			}
		case '}':
			if depth--; depth == 0 {
				return append(alternatives, glob[from:i]), i + 1
			}
		}
	}
	return nil, 0
}
