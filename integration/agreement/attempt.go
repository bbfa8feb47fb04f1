package agreement

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/model"
)

// Attempt is an act that a prober tries.
type Attempt struct {
	Act, Object, Other string
	Source             string // one of Sources
	UID                int    // fsuid of whoever tries
}

// String is the attempt in short.
func (a Attempt) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s as %s, uid %d", a.Act, a.Object, a.Other, a.Source, a.UID))
}

// Request is the attempt as the prober reads it.
func (a Attempt) Request() string {
	return strings.Join([]string{a.Act, fmt.Sprint(a.UID), a.Object, a.Other}, "\t")
}

// fresh begins the names of what attempts make.
const fresh = "fresh"

// Draw is case number of a seed, of rules of the classes that are for everyone
// or for some of the sources, and attempts near them: sixty by the prober under
// its first name, and some by its copies.
func (t *Terrain) Draw(seed, number uint64, sources []string, classes ...policy.Class) (*Case, []Attempt, error) {
	d := drawer{rand.New(rand.NewPCG(seed, number))}
	var theme []string
	for _, o := range t.objects {
		theme = append(theme, o.path)
	}
	var rules []policy.Rule
	for n := 1 + d.IntN(6); len(rules) < n; {
		r := d.rule(theme)
		if !slices.Contains(classes, r.Class) {
			continue
		}
		switch r.Class {
		case policy.Capabilities:
			r.Object.Name = pick(d, []string{"CAP_SYS_CHROOT", "CAP_SYS_PACCT"})
			if r.Action == policy.Allow { // an allow-list would deny what raw sockets and foreign files take
				r.Action = policy.Block
			}
		case policy.Process: // sources act by what executes them
			r.OwnerOnly = r.OwnerOnly && d.oneIn(2)
		}
		for i := range r.Sources {
			r.Sources[i].Path = pick(d, sources)
		}
		r.Address = fmt.Sprintf("n/p: rule %d", len(rules))
		rules = append(rules, r)
	}
	resolved, unresolved, err := translate.Resolve(rules, t.world.root)
	if err != nil || len(unresolved) > 0 {
		return nil, nil, fmt.Errorf("case %d of seed %d: %v %w", number, seed, unresolved, err)
	}
	c := &Case{Rules: resolved, Posture: policy.Posture{File: d.posture(), Network: d.posture(), Capabilities: d.posture()}}
	var all []Attempt
	for _, source := range Sources() {
		attempts := 12
		if source == Prober {
			attempts = 80 // of which some come too late for their object, or are refused without rules
		}
		for range attempts {
			a := t.attempt(d, classes, fmt.Sprintf("%s%d", fresh, len(all)))
			a.Source = source
			all = append(all, a)
		}
	}
	// What takes an object away comes last.
	slices.SortStableFunc(all, func(x, y Attempt) int {
		return slices.Index([]bool{false, true}, x.Act == "unlink") - slices.Index([]bool{false, true}, y.Act == "unlink")
	})
	gone := make(map[string]bool)
	all = slices.DeleteFunc(all, func(a Attempt) bool {
		was := gone[a.Object]
		gone[a.Object] = was || a.Act == "unlink"
		return was
	})
	return c, all, nil
}

func (t *Terrain) attempt(d drawer, classes []policy.Class, name string) Attempt {
	class := pick(d, append(slices.Clone(classes), policy.File, policy.File, policy.File, policy.Process))
	switch class {
	case policy.Network:
		s := pick(d, []string{"2:1:0", "10:1:0", "2:2:0", "10:2:0", "2:3:1", "2:3:255", "17:3:0", "1:1:0", "16:3:0", "2:1:262"})
		return Attempt{Act: "socket", Other: s}
	case policy.Capabilities:
		return Attempt{Act: "capability", Other: pick(d, []string{"CAP_SYS_CHROOT", "CAP_SYS_PACCT"})}
	}
	o := pick(d, t.objects)
	a := Attempt{Object: o.path, UID: pick(d, []int{0, 0, stranger})}
	if class == policy.Process {
		for o.kind == plain || o.kind == folder {
			o = pick(d, t.objects)
		}
		a.Act, a.Object = "exec", o.path
		if o.kind == source || d.oneIn(4) {
			a.Act = pick(d, []string{"map", "rename"})
		}
	} else {
		acts := []string{"read", "write", "append", "both", "truncate", "chmod", "chown", "rename", "link"}
		switch o.kind {
		case plain:
			acts = append(acts, "exchange", "read", "write", "unlink")
		case folder:
			acts = []string{"list", "list", "rename", "chown", "create", "create", "mkdir", "mknod", "symlink", "rmdir", "mount"}
		default: // programs are not emptied
			acts = []string{"read", "rename", "chown", "link"}
		}
		a.Act = pick(d, acts)
	}
	switch a.Act {
	case "create", "mkdir", "mknod", "symlink":
		a.Object += "/" + name
	case "rename":
		a.Other = a.Object
	case "link":
		a.Other = parent(a.Object) + "/" + name
	case "exchange": // of the same owner, so that nothing changes
		a.Other = parent(a.Object) + "/" + path.Base(a.Object)
		for _, other := range t.objects {
			if other.kind == plain && other.owner == o.owner && other.path != o.path && (a.Other == a.Object || d.oneIn(3)) {
				a.Other = other.path
			}
		}
	case "mount":
		a.Object = "/w/mnt"
	}
	return a
}

// at is the object of a name.
func (t *Terrain) at(name string) object {
	for _, o := range t.objects {
		if o.path == name {
			return o
		}
	}
	return object{path: name}
}

// Asked is what the model is asked about the attempt. What is made belongs to
// its maker.
func (t *Terrain) Asked(a Attempt) []model.Access {
	o := t.at(a.Object)
	name := o.path
	follows := !slices.Contains([]string{"unlink", "rename", "link"}, a.Act)
	if o.kind == link && follows {
		name = o.target
	}
	of := func(class policy.Class, op model.Operation, path string, owner int) model.Access {
		return model.Access{Class: class, Operation: op, Path: path, Owner: uint32(owner)}
	}
	read, write := of(policy.File, model.Read, name, o.owner), of(policy.File, model.Write, name, o.owner)
	tamper := func(path string) []model.Access {
		return []model.Access{of(policy.File, model.Tamper, path, o.owner), of(policy.Process, model.Tamper, path, o.owner)}
	}
	var all []model.Access
	switch a.Act {
	case "read", "list":
		all = []model.Access{read}
	case "write", "append", "truncate", "chmod", "chown":
		all = []model.Access{write}
	case "both":
		all = []model.Access{read, write}
	case "create", "mkdir", "mknod", "symlink":
		all = []model.Access{of(policy.File, model.Write, name, a.UID)}
	case "unlink", "rmdir":
		all = append(tamper(name), write)
	case "rename", "exchange":
		all = slices.Concat(tamper(name), tamper(a.Other), []model.Access{write, of(policy.File, model.Write, a.Other, o.owner)})
	case "link":
		all = append(tamper(name), write, of(policy.File, model.Write, a.Other, o.owner))
	case "exec", "as":
		exec := of(policy.Process, model.Exec, name, o.owner)
		exec.ExecName = path.Base(a.Object)
		all = []model.Access{exec}
		if o.kind == script {
			all = append(all, of(policy.Process, model.Exec, o.target, t.at(o.target).owner))
		}
	case "map":
		all = []model.Access{read, of(policy.Process, model.Map, name, o.owner)}
	case "mount":
		all = []model.Access{{Operation: model.Mount}}
	case "socket":
		s := model.Access{Class: policy.Network, Operation: model.Create}
		// The words are this package's own.
		_, _ = fmt.Sscanf(a.Other, "%d:%d:%d", &s.Socket.Family, &s.Socket.Type, &s.Socket.Protocol)
		all = []model.Access{s}
	case "capability":
		all = []model.Access{{Class: policy.Capabilities, Operation: model.Use, Name: a.Other}}
	}
	for i := range all {
		all[i].UID, all[i].Source = uint32(a.UID), a.Source
		if all[i].Class == policy.Process || all[i].Class == policy.File {
			all[i] = settle(all[i])
		}
	}
	return all
}

// Verdict is the model's on the attempt: the strictest of what it asks.
func (t *Terrain) Verdict(set *model.Set, a Attempt) policy.Action {
	order := []policy.Action{policy.Allow, policy.Audit, policy.Block}
	strictest := 0
	for _, access := range t.Asked(a) {
		strictest = max(strictest, slices.Index(order, set.Decide(access).Action))
	}
	return order[strictest]
}
