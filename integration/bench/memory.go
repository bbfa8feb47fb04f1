//go:build integration

package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prearm/prearm/integration"
)

// settled is when both kinds of shim have given back what their start took:
// the shim library does so every half a minute.
const settled = 35 * time.Second

// memory compares the proportional set sizes of running shims, one of each at
// a time, so that none shares its program with others of its kind.
func (b *bench) memory() (err error) {
	n, err := b.node("bench-memory", 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Remove()) }()
	const count = 3
	sizes := make(map[string][]float64)
	for range count {
		if err := b.shimSizes(n, sizes); err != nil {
			return fmt.Errorf("memory of the shim: %w", err)
		}
	}
	prearm, runc := quantile(sizes[integration.Prearm], 0.5), quantile(sizes[integration.Runc], 0.5)
	b.rows = append(b.rows, row{
		Name: "PSS of a running shim", Ratio: prearm / runc, Target: targetPSS, N: count, Unit: "KiB",
		Note: fmt.Sprintf("median %.0f against %.0f, %s after the start", prearm, runc, settled),
	})
	return nil
}

// shimSizes adds the PSS, in KiB, of a shim of either runtime while it serves
// one container.
func (b *bench) shimSizes(n *integration.Node, sizes map[string][]float64) (err error) {
	shims := make(map[string]string) // process IDs, by runtime
	for _, runtime := range []string{integration.Prearm, integration.Runc} {
		task, err := b.Create(b.ctx, b.container(n, runtime, "/act/pause"))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, task.Delete(b.ctx)) }()
		if err := task.Start(b.ctx); err != nil {
			return err
		}
		running, err := b.Shims(n.Namespace)
		if err != nil {
			return err
		}
		fresh := slices.DeleteFunc(running, func(pid string) bool {
			return slices.Contains(slices.Collect(maps.Values(shims)), pid)
		})
		if len(fresh) != 1 {
			return fmt.Errorf("there are %d new shims under %s", len(fresh), runtime)
		}
		shims[runtime] = fresh[0]
	}
	select {
	case <-b.ctx.Done():
		return b.ctx.Err()
	case <-time.After(settled):
	}
	for runtime, pid := range shims {
		size, err := pss(pid)
		if err != nil {
			return err
		}
		sizes[runtime] = append(sizes[runtime], size)
	}
	return nil
}

// pss is the proportional set size of a process, in KiB.
func pss(pid string) (float64, error) {
	text, err := os.ReadFile(filepath.Join("/proc", pid, "smaps_rollup"))
	if err != nil {
		return 0, fmt.Errorf("read the shim's memory map: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		var size float64
		if _, err := fmt.Sscanf(line, "Pss: %f kB", &size); err == nil {
			return size, nil
		}
	}
	return 0, fmt.Errorf("the kernel tells no PSS of process %s", pid)
}
