package translate

import (
	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
	"github.com/prearm/prearm/translate/rootfs"
)

// Input is everything that a Plan depends on.
type Input struct {
	Rules   []policy.Rule
	Posture policy.Posture
	Host    Host
	Root    *rootfs.Root // the container's file systems, as they will be
}

// outcomes is what the compiler of one class says of its rules, by number.
// Every rule of the class has an entry.
type outcomes map[int]Coverage

// compilers lists the compiler of every mechanism, in the order that they
// run. Each takes the rules it knows from those given (resolved, and not
// refused before), fills its part of the plan, and says how each of its rules
// is covered; rules of other classes it ignores.
var compilers = []func(p *Plan, rules []model.Rule, host Host) (outcomes, error){
	compileCapabilities,
	compileSyscalls,
	compileNetwork,
	compileAppArmor, // process and file
}
