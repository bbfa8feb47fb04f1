package reader

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prearm/prearm/policy"
)

// budget bounds what all documents of a file may cost together: aliases make
// a small file large.
type budget struct{ nodes, documents, errors int }

func (b *budget) spent() bool { return b.nodes <= 0 || b.documents < 0 }

// decoder reads the nodes of one document and collects its mistakes. Its
// methods take the field's path for messages and go on after a mistake, so
// that one run finds them all.
type decoder struct {
	*budget
	file string
	errs Errors
}

// field reads the value of one field of a mapping.
type field func(n *yaml.Node, at string)

// fields are the fields that a mapping may have.
type fields map[string]field

func (d *decoder) position(n *yaml.Node) policy.Position {
	return policy.Position{File: d.file, Line: n.Line, Column: n.Column}
}

func (d *decoder) fail(n *yaml.Node, at, suggestion, format string, args ...any) {
	if d.errors--; d.errors < 0 {
		return
	}
	d.errs = append(d.errs, Error{Position: d.position(n), Field: at, Reason: fmt.Sprintf(format, args...), Suggestion: suggestion})
}

// visit follows an alias and counts the node; false once there were too many.
func (d *decoder) visit(n *yaml.Node, at string) (*yaml.Node, bool) {
	if d.spent() {
		return n, false
	}
	if d.nodes--; d.nodes == 0 {
		d.fail(n, at, "write it out, or split it into several files", "the file has more than %d values, counting aliases each time", maxNodes)
		return n, false
	}
	if n.Kind == yaml.AliasNode {
		return n.Alias, true
	}
	return n, true
}

// wrong reports a value of another type than wanted.
func (d *decoder) wrong(n *yaml.Node, at, suggestion, want string) {
	d.fail(n, at, suggestion, "is %s, not %s", describe(n), want)
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!null":
		return "empty"
	case "!!str":
		return "the string " + quote(n.Value)
	case "!!int", "!!float":
		return "the number " + brief(n.Value)
	case "!!bool":
		return "the boolean " + brief(n.Value)
	default:
		return "a " + brief(n.ShortTag()) + " value"
	}
}

// object reads a mapping, each of its fields by its entry in known.
func (d *decoder) object(n *yaml.Node, at string, known fields) bool {
	n, ok := d.visit(n, at)
	if !ok {
		return false
	}
	if n.Kind != yaml.MappingNode {
		d.wrong(n, at, "", "a mapping")
		return false
	}
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
			if key.ShortTag() == "!!merge" {
				d.fail(key, at, "write the fields out", "merge keys (<<) are not supported")
			} else {
				d.fail(key, at, "", "a field's name must be a plain string")
			}
			continue
		}
		where := join(at, key.Value)
		if line, dup := seen[key.Value]; dup {
			d.fail(key, where, "remove one of the two", "is given twice, first in line %d", line)
			continue
		}
		seen[key.Value] = key.Line
		read, ok := known[key.Value]
		if !ok {
			d.fail(key, where, suggestName(key.Value, slices.Sorted(maps.Keys(known))), "unknown field")
			continue
		}
		read(value, where)
	}
	return true
}

// list reads a list, each item by read.
func (d *decoder) list(n *yaml.Node, at string, read func(item *yaml.Node, at string)) {
	n, ok := d.visit(n, at)
	if !ok {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.wrong(n, at, "put a \"- \" before each item", "a list")
		return
	}
	for i, item := range n.Content {
		read(item, at+"["+strconv.Itoa(i)+"]")
	}
}

// scalar reads a value that has the tag.
func (d *decoder) scalar(n *yaml.Node, at, tag, want string) (string, bool) {
	n, ok := d.visit(n, at)
	if !ok {
		return "", false
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == tag {
		return n.Value, true
	}
	suggestion := ""
	if n.Kind == yaml.ScalarNode && tag == "!!str" && n.ShortTag() != "!!null" {
		suggestion = "quote it: " + quote(n.Value)
	}
	if n.Kind == yaml.SequenceNode && len(n.Content) == 1 {
		suggestion = "write the value alone"
	}
	d.wrong(n, at, suggestion, want)
	return "", false
}

func (d *decoder) str(n *yaml.Node, at string) (string, bool) {
	return d.scalar(n, at, "!!str", "a string")
}

func (d *decoder) boolean(into *bool) field {
	return func(n *yaml.Node, at string) {
		if target, ok := d.visit(n, at); ok && target.Kind == yaml.ScalarNode && target.ShortTag() == "!!str" {
			switch strings.ToLower(target.Value) {
			case "true", "yes", "on", "y":
				d.wrong(n, at, "write true, without quotes", "true or false")
				return
			case "false", "no", "off", "n":
				d.wrong(n, at, "write false, without quotes", "true or false")
				return
			}
		}
		if v, ok := d.scalar(n, at, "!!bool", "true or false"); ok {
			*into = strings.EqualFold(v, "true")
		}
	}
}

// one reads a string that must be one of the names.
func (d *decoder) one(n *yaml.Node, at string, names ...string) (string, bool) {
	v, ok := d.str(n, at)
	if !ok {
		return "", false
	}
	switch {
	case slices.Contains(names, v):
		return v, true
	case len(names) == 1:
		d.fail(n, at, "write "+names[0], "%s is not %s", quote(v), names[0])
	default:
		d.fail(n, at, suggestName(v, names), "%s is none of %s", quote(v), strings.Join(names, ", "))
	}
	return "", false
}

func join(at, name string) string {
	name = strings.Trim(quote(name), `"`)
	if at == "" {
		return name
	}
	return at + "." + name
}

// quote shows a value so that it cannot pass for anything else.
func quote(s string) string {
	return strconv.Quote(brief(s))
}

// brief cuts what no message needs in full.
func brief(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && s[cut]&0xc0 == 0x80 {
		cut--
	}
	return s[:cut] + "..."
}
