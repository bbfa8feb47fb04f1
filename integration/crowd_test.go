//go:build integration

package integration

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestCrowd creates many containers at once. Not one of them runs before its
// policy is in force, whatever they have to wait for, and at the end nothing
// is left of any.
func TestCrowd(t *testing.T) {
	leaveTo(t, native)
	n := armed(t)
	count := 200
	if n.Slow {
		count = 20
	}
	can := enforceable()
	n.run(n.Container(n.fixture, "/act/nothing")) // the node's programs stay once they are loaded
	before, err := n.Count(n.Pid())
	n.must(err)
	tasks := make([]*Task, count)
	phase := func(name string, do func(i int) error) {
		t.Helper()
		began := time.Now()
		var (
			all  sync.WaitGroup
			errs = make([]error, count)
		)
		for i := range tasks {
			all.Go(func() { errs[i] = do(i) })
		}
		all.Wait()
		t.Logf("%d at once, %s: %v", count, name, time.Since(began).Round(10*time.Millisecond))
		if err := errors.Join(errs...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	defer phase("deleted", func(i int) error {
		if tasks[i] == nil {
			return nil
		}
		return tasks[i].Delete(t.Context())
	})
	phase("created", func(i int) (err error) {
		tasks[i], err = n.Create(t.Context(), n.Container(n.fixture, "/act/"+can[i%len(can)].act))
		return err
	})
	if t.Failed() {
		return
	}
	armed, rulesets, err := n.Network()
	if err != nil || len(armed) != count || len(rulesets) != 1 {
		t.Errorf("%d armed, rulesets %v, %v", len(armed), rulesets, err)
	}
	phase("started and ended", func(i int) error {
		if err := tasks[i].Start(t.Context()); err != nil {
			return err
		}
		r, err := tasks[i].Wait(t.Context())
		if err := judge(can[i%len(can)], r, err); err != nil {
			return fmt.Errorf("%s: %w", tasks[i].ID, err)
		}
		return nil
	})
	phase("deleted", func(i int) error { return tasks[i].Delete(t.Context()) })
	n.empty()
	n.eventually(func() []string {
		now, err := n.Count(n.Pid())
		if err != nil {
			return []string{err.Error()}
		}
		return before.Grown(now)
	})
}
