package build

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/store"
)

// BenchmarkStart is what a start pays for its policies: with the check of the
// files, and until the rules are known, the check still running.
//
// BenchmarkBuild is what a changed policy costs, and what a lost index does.
func BenchmarkStart(b *testing.B) {
	for _, shape := range []struct{ files, each int }{{1, 1}, {100, 1}, {100, 100}, {10_000, 1}} {
		n := indexed(b, shape.files, shape.each)
		run := func(b *testing.B, verified bool) {
			least, before := time.Hour, cpu(b)
			for b.Loop() {
				began := time.Now()
				s, err := store.Begin(n.dir, n.index)
				n.must(err)
				sel, err := s.Select(first)
				if err != nil || len(sel.Rules) != 20 {
					b.Fatal(summary(sel), err)
				}
				if !verified {
					least = min(least, time.Since(began))
				}
				n.must(s.Verify())
				if verified {
					least = min(least, time.Since(began))
				}
				n.must(s.Close())
			}
			b.ReportMetric(float64(least), "least-ns/op")
			b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
		}
		name := fmt.Sprintf("files=%d/policies=%d/", shape.files, shape.files*shape.each)
		b.Run(name+"verified", func(b *testing.B) { run(b, true) })
		b.Run(name+"rules", func(b *testing.B) { run(b, false) })
	}
}

func BenchmarkBuild(b *testing.B) {
	n := indexed(b, 10_000, 1)
	b.Run("files=10000/all", func(b *testing.B) {
		for b.Loop() {
			_, err := Build(n.dir, n.index, Options{Force: true})
			n.must(err)
		}
	})
	b.Run("files=10000/one", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			n.write("p-5000.yaml", twenty(5000+i%2*10_000))
			if s := n.build(); s.Reused < 9_000 {
				b.Fatalf("%+v", s)
			}
		}
	})
}

var first = policy.Subject{Namespace: "ns-0", Labels: map[string]string{"app": "app-0", "a": "b", "c": "d"}, Container: "main"}

// cpu is the processor time that this process has had. Unlike the time on the
// clock it says something on a busy machine.
func cpu(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// indexed is a node with that many files, of so many policies of 20 rules each.
func indexed(b *testing.B, files, each int) *node {
	n := newNode(b)
	for i := range files {
		var text strings.Builder
		for j := range each {
			text.WriteString("---\n" + twenty(i*each+j))
		}
		n.write(fmt.Sprintf("p-%d.yaml", i), text.String())
	}
	n.build()
	n.build() // for files that were too fresh the first time
	return n
}

func twenty(i int) string {
	var b strings.Builder
	fmt.Fprintf(&b, head+"metadata: {name: p-%d, namespace: ns-%d}\nspec:\n  selector: {matchLabels: {app: app-%d}}\n  process:\n    matchPaths:\n", i, i%100, i)
	for r := range 20 {
		fmt.Fprintf(&b, "    - path: /usr/bin/tool-%d\n", r)
	}
	return b.String()
}
