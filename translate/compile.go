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

// classCompilers lists the compiler of every class; a new class of rules is
// one more entry here. Each fills its part of the plan from the resolved
// rules and says how each rule of its class is covered. A rule with an
// outcome already (refused earlier) is not passed to it.
var classCompilers = map[policy.Class]func(p *Plan, rules []model.Rule, host Host) (outcomes, error){
	policy.Capabilities: compileCapabilities,
	policy.Syscalls:     compileSyscalls,
	policy.Network:      compileNetwork,
	policy.Process:      compileProcess,
	policy.File:         compileFile,
}
