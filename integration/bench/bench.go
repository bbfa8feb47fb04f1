//go:build integration

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
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
	return integration.WriteImage(b.archive(), image, b.root(), nil)
}

func (b *bench) archive() string { return filepath.Join(b.Scratch, "images/fixture.tar") }

// node is one with the policy in force, and as many for others beside it.
func (b *bench) node(namespace string, others int) (*integration.Node, error) {
	n, err := b.NewNode(namespace)
	if err != nil {
		return nil, err
	}
	rules := policy
	if b.AppArmor {
		rules += files
	}
	if err := n.WritePolicy("bench", rules); err != nil {
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
	for _, m := range []struct {
		name string
		once func(n *integration.Node, runtime string) (time.Duration, error)
		p50  float64
		p90  float64
	}{
		{"start, ctr run", b.ctrRun, targetP50, targetP90},
		{"start, create to started", b.startOnly, 0, 0},
	} {
		began := b.LogEnd()
		s, err := b.measure(n, m.once)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		b.report(m.name+suffix, s, m.p50, m.p90, stepsOf(b.Log(began), b.rounds))
	}
	return nil
}

// sample is the times of as many rounds.
type sample struct {
	prearm, runc, again []time.Duration
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
func (b *bench) startOnly(n *integration.Node, runtime string) (_ time.Duration, err error) {
	c := b.container(n, runtime, "/act/nothing")
	began := time.Now()
	task, err := b.Create(b.ctx, c)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, task.Delete(b.ctx)) }()
	if err := task.Start(b.ctx); err != nil {
		return 0, err
	}
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

// memory compares the proportional set sizes of running shims.
func (b *bench) memory() (err error) {
	n, err := b.node("bench-memory", 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Remove()) }()
	const count = 7
	sizes := make(map[string][]float64)
	for range count {
		for _, runtime := range []string{integration.Prearm, integration.Runc} {
			size, err := b.shimSize(n, runtime)
			if err != nil {
				return fmt.Errorf("memory of the shim: %w", err)
			}
			sizes[runtime] = append(sizes[runtime], size)
		}
	}
	prearm, runc := quantile(sizes[integration.Prearm], 0.5), quantile(sizes[integration.Runc], 0.5)
	b.rows = append(b.rows, row{
		Name: "PSS of a running shim", Ratio: prearm / runc, Target: targetPSS, N: count, Unit: "KiB",
		Note: fmt.Sprintf("median %.0f against %.0f", prearm, runc),
	})
	return nil
}

// shimSize is the PSS of a shim, in KiB, while it serves one container.
func (b *bench) shimSize(n *integration.Node, runtime string) (_ float64, err error) {
	task, err := b.Create(b.ctx, b.container(n, runtime, "/act/pause"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, task.Delete(b.ctx)) }()
	if err := task.Start(b.ctx); err != nil {
		return 0, err
	}
	shims, err := b.Shims(n.Namespace)
	if err != nil {
		return 0, err
	}
	if len(shims) != 1 {
		return 0, fmt.Errorf("there are %d shims", len(shims))
	}
	text, err := os.ReadFile(filepath.Join("/proc", shims[0], "smaps_rollup"))
	if err != nil {
		return 0, fmt.Errorf("read the shim's memory map: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		var size float64
		if _, err := fmt.Sscanf(line, "Pss: %f kB", &size); err == nil {
			return size, nil
		}
	}
	return 0, fmt.Errorf("the kernel tells no PSS of process %s", shims[0])
}

// quantile is the q-th quantile of values, by the nearest rank.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
