//go:build integration

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/prearm/prearm/integration"
)

// Targets of what a process of a container pays, as ratios.
const (
	targetOpen         = 1.35 // to no policy
	targetOpenAppArmor = 1.25 // to AppArmor with the same policy
	targetExec         = 1.05
	targetUntouched    = 1.02 // stat and read, and everything outside containers
	targetManyRules    = 1.10 // 10,000 rules to 10
)

// accessPolicy has 20 rules, none of which is about what is measured.
const accessPolicy = files + `
  network:
    matchProtocols:
    - protocol: icmp
    - protocol: icmpv6
    - protocol: raw
    - protocol: sctp
  capabilities:
    matchCapabilities:
    - capability: net_raw
    - capability: sys_chroot
    - capability: mknod
    - capability: audit_write
    - capability: setfcap
    - capability: fowner
`

// pace is one thing that is done over and over.
type pace struct {
	operation string
	times     int
	path      string
}

// paces are measured in every container. A fork takes long where the machine
// is emulated.
func paces() []pace {
	return []pace{
		{"open", 2000, "/data/a/b/c/file"},
		{"read", 2000, "/data/a/b/c/file"},
		{"stat", 2000, "/data/a/b/c/file"},
		{"exec", 30, "/act/nothing"},
		{"connect", 300, ""},
	}
}

func (p pace) args(program string) []string {
	args := []string{program, p.operation, strconv.Itoa(p.times)}
	if p.path != "" {
		args = append(args, p.path)
	}
	return args
}

// deep opens a file depth folders down.
func deep(depth int) pace {
	return pace{"open", 1000, strings.Repeat("/d", depth-1) + "/file"}
}

// place is where paces are measured: in a container, or beside them all.
type place struct {
	name string
	run  func(args []string) (string, error)
	ns   map[pace][]float64
}

// accessRounds is how often each pace is measured everywhere. In a machine
// whose clock counts instructions, times repeat.
const accessRounds = 5

// accesses measures what rules cost the processes that they are for, and those
// that they are not for.
func (b *bench) accesses() (err error) {
	if !b.AppArmor {
		return errors.New("accesses are measured where there are both AppArmor and BPF LSM, as in integration/vm/run")
	}
	if err := copyProgram(filepath.Join(b.Fixture, "pace"), filepath.Join(b.root(), "act/pace")); err != nil {
		return err
	}
	before := b.outside("outside, before the guard")
	if err := b.round(append(paces(), deep(5)), before); err != nil {
		return err
	}
	places := map[string]*place{}
	var all []*place
	for _, p := range []struct{ name, enforcer, policy string }{
		{"none", "", ""},
		{"guard", "bpf", accessPolicy},
		{"apparmor", "apparmor", accessPolicy},
		{"guard, 10 rules", "bpf", b.manyRules(10)},
		{"guard, 10,000 rules", "bpf", b.manyRules(10_000)},
	} {
		inside, end, err := b.inside(p.name, p.enforcer, p.policy)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		defer func() { err = errors.Join(err, end()) }()
		places[p.name] = inside
		all = append(all, inside)
	}
	beside := b.outside("outside")
	depths := []int{5, 10, 20, 50}
	measured := paces()
	for _, d := range depths {
		measured = append(measured, deep(d))
	}
	if err := b.round(measured, all...); err != nil {
		return err
	}
	if err := b.round(paces(), beside); err != nil {
		return err
	}
	none, guard := places["none"], places["guard"]
	targets := map[string]float64{"open": targetOpen, "exec": targetExec, "stat": targetUntouched, "read": targetUntouched}
	for _, p := range paces() {
		b.compare("access, "+p.operation+", 20 rules", p, guard, none, targets[p.operation])
		target := 0.0
		if p.operation == "open" {
			target = targetOpenAppArmor
		}
		b.compare("access, "+p.operation+", guard to AppArmor", p, guard, places["apparmor"], target)
		b.compare("access, "+p.operation+", AppArmor", p, places["apparmor"], none, 0)
		b.compare("access, "+p.operation+", outside any policy", p, beside, before, targetUntouched)
	}
	open := paces()[0]
	b.compare("access, open, 10,000 rules to 10", open, places["guard, 10,000 rules"], places["guard, 10 rules"], targetManyRules)
	for _, d := range depths {
		b.compare(fmt.Sprintf("access, open, %d folders deep, 20 rules", d), deep(d), guard, none, 0)
	}
	return nil
}

// round measures the paces at all places, in turn.
func (b *bench) round(paces []pace, places ...*place) error {
	for range accessRounds {
		for _, p := range paces {
			for _, at := range places {
				if err := b.ctx.Err(); err != nil {
					return err
				}
				out, err := at.run(p.args("/act/pace"))
				if err != nil {
					return fmt.Errorf("%s, %s: %w", at.name, p.operation, err)
				}
				ns, err := strconv.ParseFloat(strings.TrimSpace(out), 64)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", at.name, p.operation, err)
				}
				at.ns[p] = append(at.ns[p], ns)
			}
		}
	}
	return nil
}

func (b *bench) compare(name string, p pace, x, y *place, target float64) {
	ours, theirs := quantile(x.ns[p], 0.5), quantile(y.ns[p], 0.5)
	b.rows = append(b.rows, row{
		Name: name, Ratio: ours / theirs, Target: target, N: p.times * accessRounds, Unit: "ns",
		Note: fmt.Sprintf("median %.0f (%s) against %.0f (%s)", ours, x.name, theirs, y.name),
	})
}

// inside starts a container that the policy applies to and gives the place in
// it, and what ends it. Without a policy it is runc's.
func (b *bench) inside(name, enforcer, policy string) (_ *place, end func() error, err error) {
	settings := []string{}
	if enforcer != "" {
		settings = append(settings, fmt.Sprintf("enforcer = %q", enforcer))
	}
	n, err := b.NewNode("bench-access-"+strings.NewReplacer(" ", "-", ",", "").Replace(name), settings...)
	if err != nil {
		return nil, nil, err
	}
	runtime := integration.Runc
	if policy != "" {
		runtime = integration.Prearm
		if err := n.WritePolicy("bench", policy); err != nil {
			return nil, nil, errors.Join(err, n.Remove())
		}
	}
	c := b.container(n, runtime, "/act/pause")
	c.Edit = onLoopback
	task, err := b.Create(b.ctx, c)
	if err != nil {
		return nil, nil, errors.Join(err, n.Remove())
	}
	end = func() error { return errors.Join(task.Delete(b.ctx), n.Remove()) }
	if err := task.Start(b.ctx); err != nil {
		return nil, nil, errors.Join(err, end())
	}
	run := func(args []string) (string, error) {
		r, err := task.Exec(b.ctx, nil, args...)
		if err == nil && r.Exit != 0 {
			err = fmt.Errorf("ended with %d: %s", r.Exit, r.Stderr)
		}
		return r.Stdout, err
	}
	return &place{name, run, make(map[pace][]float64)}, end, nil
}

// onLoopback leaves the container the network of the benchmark, whose loopback
// interface is up.
func onLoopback(spec *specs.Spec) {
	var others []specs.LinuxNamespace
	for _, ns := range spec.Linux.Namespaces {
		if ns.Type != specs.NetworkNamespace {
			others = append(others, ns)
		}
	}
	spec.Linux.Namespaces = others
}

// outside is a place in no container.
func (b *bench) outside(name string) *place {
	run := func(args []string) (string, error) {
		for i, a := range args {
			if filepath.IsAbs(a) { // below the image, which is not a container's here
				args[i] = filepath.Join(b.root(), a)
			}
		}
		out, err := exec.CommandContext(b.ctx, args[0], args[1:]...).Output()
		return string(out), err
	}
	return &place{name, run, make(map[pace][]float64)}
}

func copyProgram(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("make -C integration/fixture builds it: %w", err)
	}
	return os.WriteFile(to, data, 0o755)
}
