package reader

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prearm/prearm/policy"
)

// section reads the fields that all sections share, and has the entries
// inherit from them. matches are the section's lists; their entries come in
// the order of names.
func (d *decoder) section(n *yaml.Node, at string, names []string, read map[string]func(n *yaml.Node, at string) []entry) []entry {
	var outer common
	found := map[string][]entry{}
	known := d.common(&outer, fields{})
	for _, name := range names {
		known[name] = func(n *yaml.Node, at string) {
			d.list(n, at, func(item *yaml.Node, at string) { found[name] = append(found[name], read[name](item, at)...) })
		}
	}
	d.object(n, at, known)
	var all []entry
	for _, name := range names {
		all = append(all, found[name]...)
	}
	for i := range all {
		all[i].inherit(outer)
	}
	return all
}

var processAndFile = []string{"matchPaths", "matchDirectories", "matchPatterns"}

func (d *decoder) process(n *yaml.Node, at string) []entry {
	return d.section(n, at, processAndFile, d.objects(policy.Process))
}

func (d *decoder) file_(n *yaml.Node, at string) []entry {
	return d.section(n, at, processAndFile, d.objects(policy.File))
}

// objects reads the entries of the process and file sections.
func (d *decoder) objects(class policy.Class) map[string]func(*yaml.Node, string) []entry {
	return map[string]func(*yaml.Node, string) []entry{
		"matchPaths": func(n *yaml.Node, at string) []entry {
			e := d.entry(n, at, class, policy.Path)
			known := e.flags(d, true)
			known["path"] = d.path(&e.rule.Object.Name)
			known["pts"] = e.refuse(d, "pts")
			if class == policy.Process {
				known["execname"] = func(n *yaml.Node, at string) {
					if v, ok := d.execName(n, at); ok {
						e.rule.Object.Kind = policy.ExecName
						if e.rule.Object.Name == "" {
							e.rule.Object.Name = v
						}
					}
				}
				known["allowedArgs"] = e.refuse(d, "allowedArgs")
			}
			if d.object(n, at, known) {
				d.either(n, at, class)
			}
			return []entry{*e}
		},
		"matchDirectories": func(n *yaml.Node, at string) []entry {
			e := d.entry(n, at, class, policy.Directory)
			known := e.flags(d, true)
			known["dir"] = d.dir(&e.rule.Object.Name)
			known["recursive"] = d.boolean(&e.rule.Object.Recursive)
			known["pts"] = e.refuse(d, "pts")
			if d.object(n, at, known) {
				d.required(n, at, "dir")
			}
			return []entry{*e}
		},
		"matchPatterns": func(n *yaml.Node, at string) []entry {
			e := d.entry(n, at, class, policy.Pattern)
			known := e.flags(d, false)
			known["pattern"] = d.pattern(&e.rule.Object.Name)
			if d.object(n, at, known) {
				d.required(n, at, "pattern")
			}
			return []entry{*e}
		},
	}
}

// either checks that an entry names its object in exactly one way.
func (d *decoder) either(n *yaml.Node, at string, class policy.Class) {
	path, _ := member(n, "path")
	name, _ := member(n, "execname")
	switch {
	case d.misspelt(at, "path") || d.misspelt(at, "execname"):
	case path != nil && name != nil:
		d.fail(n, at, "write two entries", "has both path and execname")
	case path == nil && name == nil && class == policy.Process:
		d.fail(n, at, "", "has neither path nor execname")
	case path == nil && name == nil:
		d.fail(n, join(at, "path"), "", "is missing")
	}
}

func (d *decoder) network(n *yaml.Node, at string) []entry {
	return d.section(n, at, []string{"matchProtocols", "matchDNSQueries"}, map[string]func(*yaml.Node, string) []entry{
		"matchProtocols": func(n *yaml.Node, at string) []entry {
			e := d.entry(n, at, policy.Network, policy.Protocol)
			known := e.sources(d, false)
			known["protocol"] = e.protocol(d)
			known["pts"] = e.refuse(d, "pts")
			if d.object(n, at, known) {
				d.required(n, at, "protocol")
			}
			return []entry{*e}
		},
		"matchDNSQueries": func(n *yaml.Node, at string) []entry {
			e := d.entry(n, at, policy.Network, "")
			e.rule.Unsupported = "matchDNSQueries"
			known := e.sources(d, false)
			known["domain"] = func(n *yaml.Node, at string) { d.text(n, at, 253) }
			if d.object(n, at, known) {
				d.required(n, at, "domain")
			}
			return []entry{*e}
		},
	})
}

func (d *decoder) capabilities(n *yaml.Node, at string) []entry {
	return d.section(n, at, []string{"matchCapabilities"}, map[string]func(*yaml.Node, string) []entry{
		"matchCapabilities": func(n *yaml.Node, at string) []entry {
			e := d.entry(n, at, policy.Capabilities, policy.Capability)
			known := e.sources(d, false)
			known["capability"] = func(n *yaml.Node, at string) {
				v, ok := d.str(n, at)
				if !ok {
					return
				}
				name := "CAP_" + strings.TrimPrefix(strings.ToUpper(v), "CAP_")
				if !slices.Contains(capabilities, name) {
					d.fail(n, at, suggestName(name, capabilities), "%s is no capability", quote(v))
					return
				}
				e.rule.Object.Name = name
			}
			if d.object(n, at, known) {
				d.required(n, at, "capability")
			}
			return []entry{*e}
		},
	})
}

func (d *decoder) syscalls(n *yaml.Node, at string) []entry {
	read := func(target bool) func(*yaml.Node, string) []entry {
		return func(n *yaml.Node, at string) []entry {
			e := d.entry(n, at, policy.Syscalls, policy.Syscall)
			var names []string
			known := e.sources(d, true)
			known["syscall"] = func(n *yaml.Node, at string) { names = d.syscallNames(n, at) }
			if target {
				known["path"] = d.target(&e.rule.Object.Target)
				known["recursive"] = d.boolean(&e.rule.Object.Recursive)
			}
			if d.object(n, at, known) {
				d.required(n, at, "syscall")
				if target {
					d.required(n, at, "path")
				}
			}
			if e.rule.Object.Recursive && e.rule.Object.Target != "/" {
				e.rule.Object.Target = strings.TrimSuffix(e.rule.Object.Target, "/")
			}
			all := make([]entry, len(names))
			for i, name := range names {
				all[i] = *e
				all[i].rule.Object.Name = name
				all[i].path = at + ".syscall[" + strconv.Itoa(i) + "]"
			}
			return all
		}
	}
	return d.section(n, at, []string{"matchSyscalls", "matchPaths"}, map[string]func(*yaml.Node, string) []entry{
		"matchSyscalls": read(false),
		"matchPaths":    read(true),
	})
}

func (d *decoder) presets(n *yaml.Node, at string) (all []entry) {
	d.list(n, at, func(item *yaml.Node, at string) {
		e := d.unsupported(item, at, policy.Process, "presets")
		known := fields{"name": func(n *yaml.Node, at string) { d.text(n, at, maxTag) }}
		d.common(&e.common, known)
		if d.object(item, at, known) {
			d.required(item, at, "name")
		}
		all = append(all, e)
	})
	return all
}

// entry begins a rule of the class.
func (d *decoder) entry(n *yaml.Node, at string, class policy.Class, kind policy.ObjectKind) *entry {
	return &entry{rule: policy.Rule{Class: class, Object: policy.Object{Kind: kind}, Position: d.position(n)}, path: at}
}

// sources are the fields of an entry with a source, the common ones included.
func (e *entry) sources(d *decoder, dirs bool) fields {
	return d.common(&e.common, fields{"fromSource": func(n *yaml.Node, at string) {
		before := len(d.errs)
		d.list(n, at, func(item *yaml.Node, at string) {
			if s, ok := d.source(item, at, dirs); ok {
				e.rule.Sources = append(e.rule.Sources, s)
			}
		})
		if len(e.rule.Sources) == 0 && len(d.errs) == before {
			d.fail(n, at, "name one, or remove the field if every process is meant", "names no source")
		}
	}})
}

// flags are the fields of a process or file entry.
func (e *entry) flags(d *decoder, sources bool) fields {
	known := fields{}
	if sources {
		known = e.sources(d, false)
	} else {
		d.common(&e.common, known)
	}
	known["ownerOnly"] = d.boolean(&e.rule.OwnerOnly)
	if e.rule.Class == policy.File {
		known["readOnly"] = d.boolean(&e.rule.ReadOnly)
	}
	return known
}

// refuse reads a field that is understood and cannot be enforced.
func (e *entry) refuse(d *decoder, name string) field {
	return func(n *yaml.Node, at string) {
		if name == "pts" {
			var any bool
			d.boolean(&any)(n, at)
		} else {
			d.list(n, at, func(item *yaml.Node, at string) { d.text(item, at, maxMessage) })
		}
		if e.rule.Unsupported == "" || name < e.rule.Unsupported {
			e.rule.Unsupported = name // the same one, whatever their order
		}
	}
}

// source reads one item of fromSource.
func (d *decoder) source(n *yaml.Node, at string, dirs bool) (s policy.Source, ok bool) {
	known := fields{"path": d.path(&s.Path)}
	if dirs {
		known["dir"] = d.dir(&s.Dir)
		known["recursive"] = d.boolean(&s.Recursive)
	}
	before := len(d.errs)
	if !d.object(n, at, known) {
		return s, false
	}
	if len(d.errs) > before {
		return s, false
	}
	switch {
	case s.Path != "" && s.Dir != "":
		d.fail(n, at, "write two items", "has both path and dir")
	case s.Path == "" && s.Dir == "" && !dirs:
		d.fail(n, join(at, "path"), "", "is missing")
	case s.Path == "" && s.Dir == "":
		d.fail(n, at, "", "has neither path nor dir")
	case s.Recursive && s.Dir == "":
		d.fail(n, join(at, "recursive"), "write dir instead of path, or remove recursive", "goes with dir only")
	}
	return s, len(d.errs) == before
}
