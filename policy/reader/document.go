package reader

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prearm/prearm/policy"
)

const kindList = "List"

var kinds = []string{policy.KindPolicy, policy.KindClusterPolicy, policy.KindNamespace, policy.KindPolicy + "List", policy.KindClusterPolicy + "List", kindList}

// document reads one object, or the objects of a list.
func (f *File) document(n *yaml.Node, b *budget, top bool) {
	d := &decoder{budget: b, file: f.Name}
	b.documents--
	switch {
	case b.documents < 0:
		f.fail(Error{Position: d.position(n), Reason: fmt.Sprintf("the file has more than %d documents", maxDocuments), Suggestion: "split it into several files"})
		return
	case b.errors <= 0:
		f.fail(Error{Position: d.position(n), Reason: fmt.Sprintf("is not read any more, after %d mistakes", maxErrors), Suggestion: "mend the others first"})
		b.documents = -1
		return
	}
	who := identify(n)
	switch {
	case top && strings.HasSuffix(who.Kind, kindList):
		items := d.listOf(n, who.Kind)
		if len(d.errs) > 0 {
			f.Bad = append(f.Bad, policy.Bad{Kind: who.Kind, Everywhere: true, Errors: d.errs})
		}
		for _, item := range items {
			f.document(item, b, false)
			if b.spent() {
				return
			}
		}
		return
	case who.Kind == policy.KindNamespace:
		ns := d.namespace(n)
		if len(d.errs) == 0 {
			f.Namespaces = append(f.Namespaces, ns)
		}
	default:
		p := d.policy(n, who.Kind)
		if len(d.errs) == 0 {
			f.Policies = append(f.Policies, p)
		}
	}
	if len(d.errs) > 0 {
		slices.SortStableFunc(d.errs, func(a, b Error) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		who.Errors = d.errs
		f.Bad = append(f.Bad, who)
	}
}

// listOf reads the envelope of a list as kubectl prints it.
func (d *decoder) listOf(n *yaml.Node, kind string) (items []*yaml.Node) {
	apiVersion := policy.APIVersion
	if kind == kindList {
		apiVersion = "v1"
	}
	d.object(n, "", fields{
		"apiVersion": func(n *yaml.Node, at string) { d.one(n, at, apiVersion) },
		"kind":       func(n *yaml.Node, at string) { d.one(n, at, kinds...) },
		"metadata":   ignore,
		"items": func(n *yaml.Node, at string) {
			d.list(n, at, func(item *yaml.Node, _ string) { items = append(items, item) })
		},
	})
	return items
}

func ignore(*yaml.Node, string) {}

// identify reads whom a document is for, however bad the rest of it is. It
// must not guess: where two readings are possible, it concerns everyone.
func identify(n *yaml.Node) policy.Bad {
	var who policy.Bad
	kind, once := member(n, "kind")
	if kind != nil && kind.Kind == yaml.ScalarNode {
		who.Kind = brief(kind.Value)
	}
	metadata, onceMeta := member(n, "metadata")
	name, onceName := member(metadata, "name")
	namespace, onceNamespace := member(metadata, "namespace")
	if name != nil && name.Kind == yaml.ScalarNode {
		who.Name = brief(name.Value)
	}
	if !(once && onceMeta && onceName && onceNamespace) || metadata == nil {
		who.Everywhere = true
		return who
	}
	switch {
	case who.Kind == policy.KindNamespace:
		namespace = name
	case who.Kind == policy.KindPolicy && namespace == nil:
		who.Namespace = defaultNamespace
		return who
	case who.Kind == policy.KindPolicy:
	default:
		// A kind that is no kind: by its namespace, unless it may have been
		// meant for the whole cluster.
		who.Everywhere = strings.Contains(strings.ToLower(who.Kind), "cluster") || who.Kind == ""
	}
	if namespace == nil || namespace.Kind != yaml.ScalarNode || namespace.ShortTag() != "!!str" || !validName.MatchString(namespace.Value) {
		who.Everywhere = true
		return who
	}
	if !who.Everywhere {
		who.Namespace = namespace.Value
	}
	return who
}

// member is a mapping's value of the name; once is false if there are several
// or n is no mapping.
func member(n *yaml.Node, name string) (value *yaml.Node, once bool) {
	if n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, false
	}
	once = true
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != name {
			continue
		}
		if value != nil {
			once = false
		}
		value = n.Content[i+1]
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
	}
	return value, once
}

const defaultNamespace = "default"

// validName is what names and namespaces may be: those of Kubernetes, and the
// wider ones of containerd.
var validName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$`)

// metadata is what is used of an object's metadata.
type metadata struct {
	name, namespace string
	annotations     map[string]string
	nodes           map[string]*yaml.Node // of the annotations' values
}

func (d *decoder) metadata(n *yaml.Node, at string) (m metadata) {
	name := func(into *string) field {
		return func(n *yaml.Node, at string) {
			v, ok := d.str(n, at)
			if ok && !validName.MatchString(v) {
				d.fail(n, at, "use letters, digits, '-', '.' and '_', at most 253", "%s is not a name", quote(v))
				return
			}
			*into = v
		}
	}
	m.nodes = map[string]*yaml.Node{}
	known := fields{
		"namespace": name(&m.namespace),
		"labels":    func(n *yaml.Node, at string) { d.stringMap(n, at, nil) },
		"annotations": func(n *yaml.Node, at string) {
			m.annotations = d.stringMap(n, at, m.nodes)
		},
		"name": name(&m.name),
	}
	// Written by the API server, and without meaning for what is enforced.
	for _, server := range []string{"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName",
		"generation", "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid"} {
		known[server] = ignore
	}
	if d.object(n, at, known) && m.name == "" {
		if len(d.errs) == 0 {
			d.fail(n, join(at, "name"), "", "is missing")
		}
	}
	return m
}

// stringMap reads a mapping of strings to strings; nodes, if not nil, gets
// the node of each value.
func (d *decoder) stringMap(n *yaml.Node, at string, nodes map[string]*yaml.Node) map[string]string {
	n, ok := d.visit(n, at)
	if !ok {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		d.wrong(n, at, "", "a mapping of strings to strings")
		return nil
	}
	m := make(map[string]string, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, ok := d.str(n.Content[i], at)
		if !ok {
			continue
		}
		where := at + "[" + quote(key) + "]"
		if _, dup := m[key]; dup {
			d.fail(n.Content[i], where, "remove one of the two", "is given twice")
			continue
		}
		value, ok := d.str(n.Content[i+1], where)
		if !ok {
			continue
		}
		m[key] = value
		if nodes != nil {
			nodes[key] = n.Content[i+1]
		}
	}
	return m
}

// namespace reads the posture annotations of a Namespace.
func (d *decoder) namespace(n *yaml.Node) (ns policy.Namespace) {
	var meta metadata
	ok := d.object(n, "", fields{
		"apiVersion": func(n *yaml.Node, at string) { d.one(n, at, "v1") },
		"kind":       ignore,
		"metadata":   func(n *yaml.Node, at string) { meta = d.metadata(n, at) },
		"spec":       ignore,
		"status":     ignore,
	})
	if !ok {
		return ns
	}
	d.required(n, "", "apiVersion", "metadata")
	ns.Name, ns.Position = meta.name, d.position(n)
	known := map[string]*policy.Action{
		policy.AnnotationFilePosture:         &ns.Posture.File,
		policy.AnnotationNetworkPosture:      &ns.Posture.Network,
		policy.AnnotationCapabilitiesPosture: &ns.Posture.Capabilities,
	}
	for key, node := range meta.nodes {
		at := fmt.Sprintf("metadata.annotations[%s]", quote(key))
		into, ok := known[key]
		if !ok {
			// A slip here would leave the posture at another value.
			if strings.HasPrefix(key, "kubearmor-") && strings.HasSuffix(key, "posture") {
				d.fail(node, at, suggestName(key, []string{policy.AnnotationCapabilitiesPosture, policy.AnnotationFilePosture, policy.AnnotationNetworkPosture}), "unknown posture")
			}
			continue
		}
		switch strings.ToLower(meta.annotations[key]) {
		case "block":
			*into = policy.Block
		case "audit":
			*into = policy.Audit
		default:
			d.fail(node, at, suggestName(meta.annotations[key], []string{"block", "audit"}), "%s is neither block nor audit", quote(meta.annotations[key]))
		}
	}
	return ns
}

// required reports the names that the mapping lacks.
func (d *decoder) required(n *yaml.Node, at string, names ...string) {
	for _, name := range names {
		if value, _ := member(n, name); value == nil && !d.misspelt(at, name) {
			d.fail(n, join(at, name), "", "is missing")
		}
	}
}

// misspelt reports whether the field has been reported already, as an unknown
// one of nearly its name.
func (d *decoder) misspelt(at, name string) bool {
	return slices.ContainsFunc(d.errs, func(e Error) bool {
		parent, _ := cutLast(e.Field)
		return parent == at && e.Suggestion == didYouMean(name)
	})
}

func cutLast(field string) (parent, name string) {
	if i := strings.LastIndexByte(field, '.'); i >= 0 {
		return field[:i], field[i+1:]
	}
	return "", field
}
