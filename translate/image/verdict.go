package image

import (
	"slices"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

// Verdict is a cell that answers.
type Verdict struct {
	Action policy.Action
	Reason model.Reason
	Tier   policy.Tier
	// Rule is the number of the deciding rule or, for an object that an Allow
	// with sources closes to others, of that; else -1. What the posture
	// answers with -1 is missing in an allow-list.
	Rule int
	// Foreign is the answer if the object is an entry of /proc of another
	// process than the one that acts, which no path tells.
	Foreign policy.Action
}

// Decode reads a cell. Zero blocks.
func Decode(cell uint64) Verdict {
	v := Verdict{
		Action: pick(actions[:], cell),
		Reason: pick(reasons[:], cell>>8),
		Tier:   pick(tiers[:], cell>>16),
		Rule:   int(int32(cell >> 32)),
	}
	v.Foreign = v.Action
	if foreign := byte(cell >> 24); foreign != 0 {
		v.Foreign = pick(actions[:], uint64(foreign-1))
	}
	return v
}

// pick is the element of the number in the lowest byte; of none, the first.
func pick[T any](list []T, number uint64) T {
	if n := int(byte(number)); n < len(list) {
		return list[n]
	}
	return list[0]
}

// encode writes a cell. All that permit are one: nothing is reported of them.
func (v Verdict) encode() uint64 {
	if v.Action == policy.Allow {
		v.Reason, v.Tier, v.Rule = model.ByNothing, "", -1
	}
	cell := number(actions[:], v.Action) | number(reasons[:], v.Reason)<<8 | number(tiers[:], v.Tier)<<16 | uint64(uint32(int32(v.Rule)))<<32
	if v.Foreign != v.Action {
		cell |= (1 + number(actions[:], v.Foreign)) << 24
	}
	return cell
}

// number is the index of what the layout has, or 0.
func number[T comparable](list []T, x T) uint64 { return uint64(max(slices.Index(list, x), 0)) }

// decide asks the model.
func decide(set *model.Set, a model.Access) Verdict {
	v := set.Decide(a)
	out := Verdict{Action: v.Action, Reason: v.Reason, Tier: v.Tier, Rule: v.Rule, Foreign: v.Action}
	if v.Reason == model.ByPosture {
		if g := set.Ground(a, v); g.Closed {
			out.Rule = g.Rule
		}
	}
	return out
}

// strictest is the stricter of each of two verdicts' answers.
func strictest(x, y Verdict) Verdict {
	out := x
	if stricter(y.Action, x.Action) {
		out = y
	}
	out.Foreign = x.Foreign
	if stricter(y.Foreign, x.Foreign) {
		out.Foreign = y.Foreign
	}
	return out
}

// stricter says whether x lets less happen than y.
func stricter(x, y policy.Action) bool { return number(actions[:], x) < number(actions[:], y) }
