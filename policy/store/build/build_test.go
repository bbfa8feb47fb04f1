package build

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/store"
)

func manifest(i, rules int) string {
	s := fmt.Sprintf("apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nmetadata:\n  name: p-%d\n  namespace: ns-%d\nspec:\n  selector:\n    matchLabels:\n      app: app-%d\n  process:\n    matchPaths:\n", i, i%100, i)
	for r := range rules {
		s += fmt.Sprintf("    - path: /usr/bin/tool-%d\n", r)
	}
	return s
}

func BenchmarkStart(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		dir := filepath.Join(b.TempDir(), "policies")
		if err := os.Mkdir(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		for i := range n {
			if err := os.WriteFile(fmt.Sprintf("%s/p-%05d.yaml", dir, i), []byte(manifest(i, 20)), 0o644); err != nil {
				b.Fatal(err)
			}
		}
		index := filepath.Join(b.TempDir(), "index")
		b.Run(fmt.Sprintf("policies=%d/build=full", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := Build(dir, index, Options{Force: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
		if _, err := Build(dir, index, Options{}); err != nil {
			b.Fatal(err)
		}
		subject := policy.Subject{Namespace: "ns-0", Labels: map[string]string{"app": "app-0", "a": "b"}, Container: "c"}
		start := func(b *testing.B, verify bool) {
			for b.Loop() {
				s, err := store.Begin(dir, index)
				if err != nil {
					b.Fatal(err)
				}
				sel, err := s.Select(subject)
				if err != nil || len(sel.Rules) != 20 {
					b.Fatal(err, len(sel.Rules))
				}
				if verify {
					if err := s.Verify(); err != nil {
						b.Fatal(err)
					}
				}
				s.Close()
			}
		}
		b.Run(fmt.Sprintf("policies=%d/start", n), func(b *testing.B) { start(b, true) })
	}
}
