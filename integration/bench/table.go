//go:build integration

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one result. A ratio is to the runc runtime, smaller is better; target
// 0 is none.
type row struct {
	Name   string  `json:"name"`
	Ratio  float64 `json:"ratio"`
	Target float64 `json:"target"`
	N      int     `json:"n"`
	Unit   string  `json:"unit"`
	Note   string  `json:"note"`
}

func (r row) missed() bool { return r.Target > 0 && r.Ratio > r.Target }

// report adds the rows of one measurement: the ratio of the distributions'
// quantiles, which the targets are for, and the quantiles of the ratios within
// a round, beside those of the noise.
func (b *bench) report(name string, s sample, p50, p90 float64, steps string) {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		load = []byte("unknown")
	}
	for _, q := range []struct {
		name   string
		q      float64
		target float64
	}{{"p50", 0.5, p50}, {"p90", 0.9, p90}} {
		prearm, runc, again := milliseconds(s.prearm), milliseconds(s.runc), milliseconds(s.again)
		r := row{
			Name: name + ", " + q.name, N: len(prearm), Unit: "ms", Target: q.target,
			Ratio: quantile(prearm, q.q) / quantile(runc, q.q),
			Note: fmt.Sprintf("%.1f against %.1f; runc again %.1f; load %s",
				quantile(prearm, q.q), quantile(runc, q.q), quantile(again, q.q), strings.Fields(string(load))[0]),
		}
		if r.missed() || q.target == 0 && q.name == "p50" {
			r.Note += "; by step: " + steps
		}
		b.rows = append(b.rows, r, row{
			Name: name + ", " + q.name + " of the pairs' ratios", N: len(prearm), Unit: "ms",
			Ratio: quantile(ratios(prearm, runc), q.q),
			Note:  fmt.Sprintf("runc to itself: %.3f", quantile(ratios(again, runc), q.q)),
		})
	}
}

func milliseconds(times []time.Duration) []float64 {
	var all []float64
	for _, t := range times {
		all = append(all, float64(t)/float64(time.Millisecond))
	}
	return all
}

func ratios(a, b []float64) []float64 {
	var all []float64
	for i := range a {
		all = append(all, a[i]/b[i])
	}
	return all
}

// step matches one step's time in the line that the shim logs for a start.
var step = regexp.MustCompile(`\bms\.(\w+)="?([0-9.]+)`)

// stepsOf is the median time of each step in the last starts of a log.
func stepsOf(log string, starts int) string {
	var order []string
	times := make(map[string][]float64)
	lines := strings.Split(log, "\n")
	slices.Reverse(lines)
	for _, line := range lines {
		found := step.FindAllStringSubmatch(line, -1)
		if len(found) == 0 {
			continue
		}
		if starts--; starts < 0 {
			break
		}
		for _, f := range found {
			if value, err := strconv.ParseFloat(f[2], 64); err == nil {
				if times[f[1]] == nil {
					order = append(order, f[1])
				}
				times[f[1]] = append(times[f[1]], value)
			}
		}
	}
	var parts []string
	for _, name := range order {
		parts = append(parts, fmt.Sprintf("%s %.2f ms", name, quantile(times[name], 0.5)))
	}
	return strings.Join(parts, ", ")
}

// join adds the rows that other benchmarks wrote, named after their files.
func (b *bench) join(files []string) error {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("results of another machine: %w", err)
		}
		var rows []row
		if err := json.Unmarshal(text, &rows); err != nil {
			return fmt.Errorf("results of another machine: %s: %w", file, err)
		}
		where := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		for _, r := range rows {
			r.Name = where + ": " + r.Name
			b.rows = append(b.rows, r)
		}
	}
	return nil
}

// print writes the table, missed targets marked.
func (b *bench) print(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WHAT\tRATIO\tTARGET\tN\tUNIT\tNOTE")
	for _, r := range b.rows {
		target := "-"
		if r.Target > 0 {
			target = fmt.Sprintf("%.2f", r.Target)
		}
		if r.missed() {
			target += " MISSED"
		}
		fmt.Fprintf(table, "%s\t%.3f\t%s\t%d\t%s\t%s\n", r.Name, r.Ratio, target, r.N, r.Unit, r.Note)
	}
	table.Flush()
	if !b.AppArmor {
		fmt.Fprintln(w, "This kernel has no AppArmor: what its profiles cost shows in a virtual machine only.")
	}
}
