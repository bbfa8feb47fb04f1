package image

import (
	"fmt"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/automaton"
	"github.com/prearm/prearm/translate/model"
)

// Ruleset is what an image is made of.
type Ruleset struct {
	Rules   []model.Rule
	Posture policy.Posture
	Base    []model.BaseEntry // of file allow-lists
	// Sockets are sockets of each kind, which no rule may tell apart; none if
	// the guard does not judge sockets.
	Sockets [Sockets][]model.Socket
	// Capabilities are names by number; none if the guard does not judge them.
	Capabilities []string
}

// Build writes the image of a ruleset. The error is an
// automaton.TooLargeError if it has more than MaxCells cells.
func Build(r Ruleset) ([]uint64, error) { return build(r, MaxCells) }

func build(r Ruleset, most int) ([]uint64, error) {
	classes, err := classify(r.Rules, most)
	if err != nil {
		return nil, err
	}
	w := &writer{
		ruleset: r,
		set:     model.New(r.Rules, r.Posture, r.Base...),
		table:   &table{sources: classes, most: most, index: make(map[string]int32)},
		cells:   make([]uint64, headSize),
	}
	return w.write()
}

// writer writes one image.
type writer struct {
	ruleset Ruleset
	set     *model.Set
	table   *table
	cells   []uint64
}

func (w *writer) write() ([]uint64, error) {
	process := &paths{table: w.table, rules: w.ruleset.Rules, class: policy.Process, set: w.set}
	processes, err := process.compile(nil)
	if err != nil {
		return nil, err
	}
	file := &paths{table: w.table, rules: w.ruleset.Rules, class: policy.File, set: w.set}
	files, err := file.compile(w.ruleset.Base)
	if err != nil {
		return nil, err
	}

	var flags, mount, unresolvedFile, unresolvedProcess, nameless uint32
	if process.named {
		flags |= flagNames
	}
	if v := decide(w.set, model.Access{Operation: model.Mount}); v.Action != policy.Allow {
		mount = w.append(v.encode())
	}
	first := uint32(len(w.cells))
	for _, row := range w.table.rows {
		w.append(row...)
	}
	if processes != nil {
		unresolvedProcess = w.append(w.table.strictest(processes.Rows())...)
		nameless = w.append(process.row(w.rulesOf(policy.Process), model.Access{}, operations[policy.Process])...)
	}
	if files != nil {
		unresolvedFile = w.append(w.table.strictest(files.Rows())...)
	}
	network, err := w.network()
	if err != nil {
		return nil, err
	}
	capable := w.capabilities()

	// States come behind the rows, and behind the numbers of the source
	// classes: no row is ever taken for a state.
	for len(w.cells) < w.table.sources.count() {
		w.append(0)
	}
	packer := automaton.NewPacker(len(w.cells), w.table.most)
	row := func(n int32) uint32 { return first + uint32(n)*uint32(w.table.sources.count())*rowCells }
	pack := func(a *automaton.Automaton, cell func(int32) uint32) (root uint32) {
		if a != nil && err == nil {
			root, err = packer.Pack(a, cell)
		}
		return root
	}
	sources := pack(w.table.sources.automaton, func(class int32) uint32 { return uint32(class) })
	fileRoot, processRoot := pack(files, row), pack(processes, row)
	if err != nil {
		return nil, err
	}

	head := func(cell int, low, high uint32) { w.cells[cell] = uint64(high)<<32 | uint64(low) }
	head(headFormat, version, flags)
	head(headSources, uint32(w.table.sources.count()), sources)
	head(headFile, fileRoot, unresolvedFile)
	head(headProcess, processRoot, unresolvedProcess)
	head(headSpecial, nameless, mount)
	head(headTables, network, capable)
	return append(w.cells, packer.Cells()...), nil
}

// append gives the index of the first of more cells.
func (w *writer) append(cells ...uint64) uint32 {
	at := len(w.cells)
	w.cells = append(w.cells, cells...)
	return uint32(at)
}

func (w *writer) rulesOf(class policy.Class) []int {
	var out []int
	for i, r := range w.ruleset.Rules {
		if r.Class == class {
			out = append(out, i)
		}
	}
	return out
}

// network writes the table of sockets.
func (w *writer) network() (uint32, error) {
	if len(w.ruleset.Sockets[0]) == 0 {
		return 0, nil
	}
	set := w.set.Among(policy.Network, w.rulesOf(policy.Network))
	cells := make([]uint64, w.table.sources.count()*Sockets)
	for kind, sockets := range w.ruleset.Sockets {
		var alike error
		for class, v := range w.table.sources.each(func(source string) Verdict {
			var first Verdict
			for i, s := range sockets {
				v := decide(set, model.Access{Class: policy.Network, Operation: model.Create, Socket: s, Source: source})
				if i == 0 {
					first = v
				} else if v != first {
					alike = fmt.Errorf("the model tells sockets of kind %d apart, %+v from %+v; this is a mistake in prearm", kind, sockets[0], s)
				}
			}
			return first
		}) {
			cells[class*Sockets+kind] = v.encode()
		}
		if alike != nil {
			return 0, alike
		}
	}
	return w.append(cells...), nil
}

// capabilities writes the table of capabilities. One that is not known yet is
// answered as one that no rule names.
func (w *writer) capabilities() uint32 {
	if len(w.ruleset.Capabilities) == 0 {
		return 0
	}
	set := w.set.Among(policy.Capabilities, w.rulesOf(policy.Capabilities))
	cells := make([]uint64, w.table.sources.count()*capabilities)
	for number := range capabilities {
		name := ""
		if number < len(w.ruleset.Capabilities) {
			name = w.ruleset.Capabilities[number]
		}
		for class, v := range w.table.sources.each(func(source string) Verdict {
			return decide(set, model.Access{Class: policy.Capabilities, Operation: model.Use, Name: name, Source: source})
		}) {
			cells[class*capabilities+number] = v.encode()
		}
	}
	return w.append(cells...)
}
