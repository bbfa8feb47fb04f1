//go:build integration

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prearm/prearm/integration"
)

// Targets, as ratios to the runc runtime.
const (
	targetP50 = 1.05
	targetP90 = 1.10
	targetPSS = 1.20
)

const image = "example.org/prearm/bench:1"

// policy has 20 rules that every kernel can enforce.
const policy = `
  network:
    matchProtocols:
    - protocol: icmp
    - protocol: icmpv6
    - protocol: raw
    - protocol: sctp
    - protocol: udp
  capabilities:
    matchCapabilities:
    - capability: net_raw
    - capability: sys_chroot
    - capability: mknod
    - capability: audit_write
    - capability: setfcap
    - capability: net_bind_service
    - capability: fowner
    - capability: kill
  syscalls:
    matchSyscalls:
    - syscall: [ptrace, keyctl, add_key, request_key, userfaultfd, perf_event_open, bpf]
`

// files are ten rules more, where there is AppArmor to enforce them.
const files = `
  process:
    matchPaths:
    - path: /bin/victim
    - path: /usr/bin/wget
    matchDirectories:
    - dir: /sbin/
      recursive: true
    - dir: /usr/sbin/
      recursive: true
    matchPatterns:
    - pattern: /tmp/**
  file:
    matchPaths:
    - path: /etc/secret
    - path: /etc/shadow
      readOnly: true
    matchDirectories:
    - dir: /root/
      recursive: true
    - dir: /var/run/secrets/
    matchPatterns:
    - pattern: /home/*/.ssh/**
`

// bench is the daemon that is measured and what came out.
type bench struct {
	integration.Surroundings
	*integration.Daemon
	ctx    context.Context
	rounds int
	phases phases
	rows   []row
}

func newBench(ctx context.Context, rounds int) (*bench, error) {
	b := &bench{ctx: ctx, rounds: rounds}
	var err error
	if b.Surroundings, err = integration.Look(); err != nil {
		return nil, err
	}
	if b.Daemon, err = integration.StartDaemon(b.Bin); err != nil {
		return nil, err
	}
	if err := b.unpack(); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *bench) close() error { return b.Stop() }

// root is the image's root file system.
func (b *bench) root() string { return filepath.Join(b.Scratch, "images/fixture") }

// unpack makes an image of the fixture, for ctr.
func (b *bench) unpack() error {
	if err := integration.FixtureImage(b.Fixture, b.root()); err != nil {
		return err
	}
	return integration.WriteImage(b.archive(), image, b.root(), integration.ImageConfig{})
}

func (b *bench) archive() string { return filepath.Join(b.Scratch, "images/fixture.tar") }

// policy is the rules that this kernel can enforce.
func (b *bench) policy() string {
	if b.AppArmor {
		return policy + files
	}
	return policy
}

// node is one with the policy in force, and as many for others beside it.
func (b *bench) node(namespace string, others int) (*integration.Node, error) {
	n, err := b.NewNode(namespace)
	if err != nil {
		return nil, err
	}
	if err := n.WritePolicy("bench", b.policy()); err != nil {
		return nil, err
	}
	for i := range others {
		text := fmt.Sprintf(`apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata: {name: other-%d, namespace: %s}
spec:
  selector: {matchLabels: {app: other-%d}}
  network: {matchProtocols: [{protocol: udp}]}
  file: {matchPaths: [{path: /etc/secret-%d}]}
`, i, n.Namespace, i, i)
		if err := n.WriteFile(fmt.Sprintf("other-%d.yaml", i), text); err != nil {
			return nil, err
		}
	}
	_, err = n.Ctr(b.ctx, "images", "import", b.archive())
	return n, err
}

// starts measures ctr run under either runtime, and what of it is the daemon's
// Create and Start.
func (b *bench) starts(suffix string, others int) (err error) {
	n, err := b.node(fmt.Sprintf("bench-%d", others), others)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Remove()) }()
	if err := b.start("start, ctr run"+suffix, n, b.ctrRun, targetP50, targetP90); err != nil {
		return err
	}
	return b.start("start, create to started"+suffix, n, b.startOnly, 0, 0)
}

// idle measures starts that no policy applies to.
func (b *bench) idle() (err error) {
	n, err := b.NewNode("bench-idle")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Remove()) }()
	return b.start("start, create to started, no policies", n, b.startOnly, 0, 0)
}

// start measures one way to start and reports it.
func (b *bench) start(name string, n *integration.Node, once func(*integration.Node, string) (time.Duration, error), p50, p90 float64) error {
	began := b.LogEnd()
	b.phases = nil
	s, err := b.measure(n, once)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	steps := stepsOf(b.Log(began), b.rounds)
	if told := b.phases.String(); told != "" {
		steps += "; " + told
	}
	b.report(name, s, p50, p90, steps)
	return nil
}

// sample is the times of as many rounds.
type sample struct {
	prearm, runc, again []time.Duration
}

// phases are the times of a container's phases, by phase and runtime.
type phases map[string]map[string][]float64

func (p *phases) add(runtime, phase string, took time.Duration) {
	if *p == nil {
		*p = make(phases)
	}
	if (*p)[phase] == nil {
		(*p)[phase] = make(map[string][]float64)
	}
	(*p)[phase][runtime] = append((*p)[phase][runtime], float64(took)/float64(time.Millisecond))
}

// String tells the medians, ours against runc's.
func (p phases) String() string {
	var told []string
	for _, phase := range slices.Sorted(maps.Keys(p)) {
		told = append(told, fmt.Sprintf("%s %.1f against %.1f ms", phase,
			quantile(p[phase][integration.Prearm], 0.5), quantile(p[phase][integration.Runc], 0.5)))
	}
	return strings.Join(told, ", ")
}

// measure runs rounds of once, after a few that do not count.
func (b *bench) measure(n *integration.Node, once func(*integration.Node, string) (time.Duration, error)) (sample, error) {
	const warm = 5
	var s sample
	for i := range warm + b.rounds {
		order := []struct {
			runtime string
			times   *[]time.Duration
		}{{integration.Prearm, &s.prearm}, {integration.Runc, &s.runc}, {integration.Runc, &s.again}}
		// Every place in the round comes to every runtime equally often.
		for j := range order {
			o := order[(i+j)%len(order)]
			if err := b.ctx.Err(); err != nil {
				return s, err
			}
			took, err := once(n, o.runtime)
			if err != nil {
				return s, fmt.Errorf("under %s: %w", o.runtime, err)
			}
			if i >= warm {
				*o.times = append(*o.times, took)
			}
		}
	}
	return s, nil
}

// ctrRun is the time of a whole ctr run of a program that does nothing.
func (b *bench) ctrRun(n *integration.Node, runtime string) (time.Duration, error) {
	args := []string{"run", "--rm", "--label", "app=test", "--runtime", runtime}
	if runtime == integration.Prearm {
		args = append(args, "--runtime-config-path", n.Config)
	}
	began := time.Now()
	r, err := n.Ctr(b.ctx, append(args, image, "bench", "/act/nothing")...)
	took := time.Since(began)
	if err == nil && r.Exit != 0 {
		err = fmt.Errorf("ctr run ended with %d: %s", r.Exit, r.Stderr)
	}
	return took, err
}

// startOnly is the time from asking for a container until its program runs.
func (b *bench) startOnly(n *integration.Node, runtime string) (took time.Duration, err error) {
	c := b.container(n, runtime, "/act/nothing")
	began := time.Now()
	task, err := b.Create(b.ctx, c)
	if err != nil {
		return 0, err
	}
	created := time.Now()
	defer func() {
		ended := time.Now()
		err = errors.Join(err, task.Delete(b.ctx))
		b.phases.add(runtime, "delete", time.Since(ended))
	}()
	if err := task.Start(b.ctx); err != nil {
		return 0, err
	}
	b.phases.add(runtime, "create", created.Sub(began))
	b.phases.add(runtime, "start", time.Since(created))
	return time.Since(began), nil
}

func (b *bench) container(n *integration.Node, runtime, program string) integration.Container {
	c := n.Container(b.root(), program)
	c.Runtime = runtime
	if runtime != integration.Prearm {
		c.Config = ""
	}
	return c
}

// quantile is the q-th quantile of values, by the nearest rank.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
