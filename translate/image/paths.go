package image

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/automaton"
	"github.com/prearm/prearm/translate/glob"
	"github.com/prearm/prearm/translate/model"
)

// table is the rows of an image, each once.
type table struct {
	sources sources
	most    int // cells of the image
	rows    [][]uint64
	index   map[string]int32
	missed  int // rows that would have come after the table was full
}

// intern gives the number of a row of verdicts by class, operation and whether
// the acting user is not or is the object's owner.
func (t *table) intern(row []uint64) int32 {
	key := make([]byte, 0, 8*len(row))
	for _, cell := range row {
		key = binary.NativeEndian.AppendUint64(key, cell)
	}
	n, ok := t.index[string(key)]
	if !ok {
		n = int32(len(t.rows))
		t.index[string(key)] = n
		t.rows = append(t.rows, row)
	}
	return n
}

// full says whether the rows alone are as much as an image may be.
func (t *table) full() bool { return len(t.rows)*t.sources.count()*rowCells > t.most }

// strictest is the row that answers as strictly as any of rows does, for
// objects without a known path.
func (t *table) strictest(rows []int32) []uint64 {
	out := make([]uint64, t.sources.count()*rowCells)
	for i := range out {
		v := Verdict{Action: policy.Allow, Foreign: policy.Allow}
		for _, r := range rows {
			u := Decode(t.rows[r][i])
			if stricter(u.Foreign, u.Action) {
				u.Action = u.Foreign
			}
			u.Foreign = u.Action
			v = strictest(v, u)
		}
		v.Reason = Unresolvable
		out[i] = v.encode()
	}
	return out
}

// Marks of languages that are no rule's. Those of rules are two for each: what
// the rule matches, and what lies above that.
const (
	markLoader automaton.Mark = iota
	markBase
	markBaseWrite
	markBaseOwn
	markRules
)

func matched(rule int) automaton.Mark { return markRules + automaton.Mark(2*rule) }
func above(rule int) automaton.Mark   { return markRules + automaton.Mark(2*rule+1) }

// paths compiles the rules of one class that are about paths.
type paths struct {
	*table
	rules []model.Rule
	class policy.Class
	set   *model.Set
	// called has the rules about each name that a file may be executed by.
	called map[string][]int
	named  bool // some answer depends on such a name
	asked  int  // verdicts about such names
}

// maxAsked bounds the time that names take, which are asked about with every
// path that rules tell apart.
const maxAsked = MaxCells

// compile gives the automaton of the class, whose rows are the table's; nil if
// no rule is of the class.
func (p *paths) compile(base []model.BaseEntry) (*automaton.Automaton, error) {
	union, any, lists := automaton.New(), false, false
	p.called = make(map[string][]int)
	for i, r := range p.rules {
		if r.Class != p.class {
			continue
		}
		any = true
		lists = lists || r.Action == policy.Allow
		addRule(union, i, r)
		if r.Class == policy.Process && r.Object.Kind == policy.ExecName {
			p.called[r.Object.Name] = append(p.called[r.Object.Name], i)
		}
	}
	switch {
	case !any:
		return nil, nil
	case p.class == policy.Process:
		for _, text := range model.LoaderPatterns() {
			g, err := glob.Parse(text)
			if err != nil {
				return nil, err
			}
			union.Glob(g, markLoader)
		}
	case lists:
		for _, b := range base {
			if g, err := glob.Parse(b.Pattern); err == nil { // else it matches nothing
				union.Glob(g, markOf(b))
			}
		}
	}
	a, err := union.Build(p.most, p.answer)
	if err == nil && p.full() {
		rows := (len(p.rows) + p.missed) * p.sources.count() * rowCells
		err = &automaton.TooLargeError{Cells: rows, Most: p.most}
	}
	return a, err
}

func markOf(b model.BaseEntry) automaton.Mark {
	switch {
	case b.Own:
		return markBaseOwn
	case b.Write:
		return markBaseWrite
	}
	return markBase
}

// addRule adds the languages of a rule's object: what it matches and, if
// renaming that could evade the rule, the directories above.
func addRule(union *automaton.Union, i int, r model.Rule) {
	o := r.Object
	protect := func(name string) {
		if r.Action != policy.Block {
			return
		}
		for at := range len(name) {
			if name[at] == '/' && len(name) > 1 {
				union.Path(name[:max(at, 1)], above(i))
			}
		}
	}
	switch o.Kind {
	case policy.Path:
		union.Path(o.Name, matched(i))
		protect(o.Name)
	case policy.Directory:
		dir := trim(o.Name)
		union.Directory(dir, o.Recursive, matched(i))
		protect(dir)
		if r.Action == policy.Block {
			union.Path(dir, above(i))
		}
	case policy.Pattern:
		g, err := glob.Parse(o.Name)
		if err != nil {
			union.Everything(matched(i))
			return
		}
		union.Glob(g, matched(i))
		protect(g.Prefix() + "x")
	case policy.ExecName:
		union.Name(o.Name, matched(i))
	default:
		union.Everything(matched(i))
	}
}

// trim takes off trailing slashes, but for the root's.
func trim(dir string) string {
	if trimmed := strings.TrimRight(dir, "/"); trimmed != "" {
		return trimmed
	}
	return "/"
}

// answer asks the model about the paths that have these marks, by one of them.
func (p *paths) answer(marks []automaton.Mark, path string) (automaton.Answer, error) {
	if p.full() { // to know how large it would be, the rest is only counted
		p.missed++
		return automaton.Answer{}, nil
	}
	var rules []int
	own := false
	for _, m := range marks {
		own = own || m == markBaseOwn
		if m >= markRules {
			rules = append(rules, int(m-markRules)/2)
		}
	}
	cells := p.row(slices.Compact(rules), model.Access{Path: path, Foreign: own}, operations[p.class])
	a := automaton.Answer{Row: p.intern(cells)}
	for name, about := range p.called {
		if p.asked += len(cells); p.asked > maxAsked {
			return a, fmt.Errorf("%d names that files may be executed by are too many beside the other rules on processes: name paths instead", len(p.called))
		}
		more := slices.Concat(rules, about)
		slices.Sort(more)
		other := p.row(slices.Compact(more), model.Access{Path: path, ExecName: name}, []model.Operation{model.Exec})
		for i, cell := range cells {
			if i%rowCells >= 2 { // of the name, only executing is asked about
				other[i] = cell
			}
		}
		if called := p.intern(other); called != a.Row {
			if a.Named == nil {
				a.Named = make(map[string]int32)
			}
			a.Named[name] = called
			p.named = true
		}
	}
	return a, nil
}

// row asks for every class and user about operations, the first of a row's, on
// an object that only the rules given match or lie below. Foreign asks for the answer about other
// processes' entries of /proc too.
func (p *paths) row(rules []int, object model.Access, ops []model.Operation) []uint64 {
	set := p.set.Among(p.class, rules)
	row := make([]uint64, p.sources.count()*rowCells)
	foreign := object.Foreign
	object.Class = p.class
	object.Loader = p.class == policy.Process && object.Path != "" && model.IsLoader(object.Path)
	for op, operation := range ops {
		object.Operation = operation
		// That a task maps the file that it runs is seen by the kernel's side.
		object.Foreign = operation == model.Map
		for owner := range 2 {
			object.UID = uint32(1 - owner) // the object's owner is 0
			for class, v := range p.sources.each(func(source string) Verdict {
				a := object
				a.Source = source
				v := decide(set, a)
				if foreign {
					a.Foreign = true
					v.Foreign = decide(set, a).Action
				}
				return v
			}) {
				row[class*rowCells+op*2+owner] = v.encode()
			}
		}
	}
	return row
}
