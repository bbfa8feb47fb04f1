package image

import (
	"fmt"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/automaton"
	"github.com/prearm/prearm/translate/model"
)

// sources are the executables that the rules tell apart, as classes.
type sources struct {
	// executables has one executable of each class; of the first, that of all
	// that no rule names, it is "".
	executables []string
	automaton   *automaton.Automaton // nil if there is one class only
}

// classify finds the source classes of the rules.
func classify(rules []model.Rule, most int) (sources, error) {
	union, any := automaton.New(), false
	for i, r := range rules {
		if r.Class == policy.Syscalls {
			continue
		}
		for _, s := range r.Sources {
			union.Path(s, automaton.Mark(i))
			any = true
		}
		for _, d := range r.SourceDirs {
			union.Directory(trim(d.Dir), d.Recursive, automaton.Mark(i))
			any = true
		}
	}
	s := sources{executables: []string{""}}
	if !any {
		return s, nil
	}
	known := map[string]int32{"[]": 0}
	var err error
	s.automaton, err = union.Build(most, func(marks []automaton.Mark, path string) (automaton.Answer, error) {
		key := fmt.Sprint(marks)
		class, ok := known[key]
		if !ok {
			class = int32(len(s.executables))
			known[key] = class
			s.executables = append(s.executables, path)
		}
		return automaton.Answer{Row: class}, nil
	})
	return s, err
}

// count is the number of classes with the last, which stands for any: it is
// answered as strictly as the one of the others that is answered most
// strictly. A single class is that itself.
func (s sources) count() int {
	if n := len(s.executables); n > 1 {
		return n + 1
	}
	return 1
}

// each has verdict answer for every class, and the strictest of all for any.
func (s sources) each(verdict func(source string) Verdict) []Verdict {
	var out []Verdict
	for _, e := range s.executables {
		out = append(out, verdict(e))
	}
	if len(out) > 1 {
		any := out[0]
		for _, v := range out[1:] {
			any = strictest(any, v)
		}
		out = append(out, any)
	}
	return out
}
