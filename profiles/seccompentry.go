package profiles

import (
	"fmt"
	"math"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// strictness orders seccomp's actions as the kernel does (seccomp(2)): of two
// filters' answers to one call, that of the higher rank stands.
func strictness(a specs.LinuxSeccompAction) (int, error) {
	switch a {
	case specs.ActAllow:
		return 0, nil
	case specs.ActLog:
		return 1, nil
	case specs.ActTrace:
		return 2, nil
	case specs.ActNotify:
		return 3, nil
	case specs.ActErrno:
		return denial, nil
	case specs.ActTrap:
		return 5, nil
	case specs.ActKill, specs.ActKillThread:
		return 6, nil
	case specs.ActKillProcess:
		return 7, nil
	}
	return 0, fmt.Errorf("%q is no seccomp action", a)
}

// denial is the rank of an errno: calls of that rank and above do nothing.
const denial = 4

// entry is one rule for one system call, as libseccomp takes it: an action
// for the calls that meet all conditions.
type entry struct {
	name   string
	action specs.LinuxSeccompAction
	errno  *uint
	args   []specs.LinuxSeccompArg // at most one for each argument
	rank   int
}

// split takes an OCI rule apart. Where it has two conditions on one argument,
// runc reads them, and all the others, as alternatives.
func split(call specs.LinuxSyscall) ([]entry, error) {
	rank, err := strictness(call.Action)
	if err != nil {
		return nil, err
	}
	alternatives := [][]specs.LinuxSeccompArg{call.Args}
	indexes := make(map[uint]bool)
	for _, arg := range call.Args {
		if _, err := holds(arg, 0); err != nil {
			return nil, err
		}
		if indexes[arg.Index] {
			alternatives = nil
			for _, arg := range call.Args {
				alternatives = append(alternatives, []specs.LinuxSeccompArg{arg})
			}
			break
		}
		indexes[arg.Index] = true
	}
	var entries []entry
	for _, name := range call.Names {
		for _, args := range alternatives {
			entries = append(entries, entry{name, call.Action, call.ErrnoRet, args, rank})
		}
	}
	return entries, nil
}

// with is the entry for only those of its calls whose argument index is v,
// and false if there are none.
func (e entry) with(index uint, v uint64) (entry, bool) {
	args := []specs.LinuxSeccompArg{{Index: index, Value: v, Op: specs.OpEqualTo}}
	for _, arg := range e.args {
		if arg.Index != index {
			args = append(args, arg)
			continue
		}
		if ok, _ := holds(arg, v); !ok {
			return entry{}, false
		}
	}
	e.args = args
	return e, true
}

// same says whether two entries answer alike.
func (e entry) same(o entry) bool {
	if e.action != o.action {
		return false
	}
	if e.errno == nil || o.errno == nil {
		return e.errno == o.errno
	}
	return *e.errno == *o.errno
}

// covers says whether e has a subset of o's conditions, and so all its calls.
func (e entry) covers(o entry) bool {
	for _, arg := range e.args {
		if !slices.Contains(o.args, arg) {
			return false
		}
	}
	return true
}

// apart says whether no call can meet the conditions of both entries; false
// where that is not plain to see.
func (e entry) apart(o entry) bool {
	for _, a := range e.args {
		for _, b := range o.args {
			if a.Index == b.Index && contradict(a, b) {
				return true
			}
		}
	}
	return false
}

// wide says whether a condition compares with more than 32 bits. Filters of
// 32-bit programs leave the upper half out, so it means another thing there.
func (e entry) wide() bool {
	return slices.ContainsFunc(e.args, func(c specs.LinuxSeccompArg) bool {
		if c.Op == specs.OpMaskedEqual {
			return c.Value&c.ValueTwo > math.MaxUint32
		}
		return c.Value > math.MaxUint32
	})
}

// contradict says whether no value meets both conditions; false where that is
// not plain to see.
func contradict(a, b specs.LinuxSeccompArg) bool {
	if b.Op == specs.OpEqualTo {
		a, b = b, a
	}
	if a.Op == specs.OpEqualTo {
		ok, err := holds(b, a.Value)
		return err == nil && !ok
	}
	if a.Op == specs.OpMaskedEqual && b.Op == specs.OpMaskedEqual {
		return (a.ValueTwo^b.ValueTwo)&a.Value&b.Value != 0
	}
	alow, ahigh, aok := interval(a)
	blow, bhigh, bok := interval(b)
	return aok && bok && (ahigh < blow || bhigh < alow)
}

// interval is the range of values that an ordering condition admits, both
// ends included; a range that is empty or no range is not ok.
func interval(c specs.LinuxSeccompArg) (low, high uint64, ok bool) {
	switch c.Op {
	case specs.OpLessThan:
		return 0, c.Value - 1, c.Value > 0
	case specs.OpLessEqual:
		return 0, c.Value, true
	case specs.OpGreaterEqual:
		return c.Value, math.MaxUint64, true
	case specs.OpGreaterThan:
		return c.Value + 1, math.MaxUint64, c.Value < math.MaxUint64
	}
	return 0, 0, false
}

// holds says whether v, a 64-bit argument, meets the condition.
func holds(c specs.LinuxSeccompArg, v uint64) (bool, error) {
	switch c.Op {
	case specs.OpNotEqual:
		return v != c.Value, nil
	case specs.OpLessThan:
		return v < c.Value, nil
	case specs.OpLessEqual:
		return v <= c.Value, nil
	case specs.OpEqualTo:
		return v == c.Value, nil
	case specs.OpGreaterEqual:
		return v >= c.Value, nil
	case specs.OpGreaterThan:
		return v > c.Value, nil
	case specs.OpMaskedEqual:
		return v&c.Value == c.ValueTwo&c.Value, nil // libseccomp masks both
	}
	return false, fmt.Errorf("%q is no seccomp operator", c.Op)
}
