package agreement

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// accesses is how many each case has.
const accesses = 200

// Result is what a comparison of many cases has come to.
type Result struct {
	Rulesets, Decisions int64
	// Disagreement is one that is as small as it can be; nil if there is none.
	Disagreement *Disagreement
}

// workers are as many as there are because they mostly wait for the kernel.
const workers = lanes

// Compare compares a decider, which several callers may ask at once, with the
// model in that many random decisions. It ends at the first disagreement.
func (w *World) Compare(d Decider, decisions int, seed uint64) (Result, error) {
	var result Result
	var number atomic.Uint64
	var mu sync.Mutex
	var failed error
	over := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return failed != nil || result.Disagreement != nil
	}
	compare := func() error {
		for !over() {
			n := number.Add(1) - 1
			if n*accesses >= uint64(decisions) {
				return nil
			}
			c, err := w.Draw(seed, n, accesses)
			if err != nil {
				return err
			}
			found, err := Compare(Model{}, d, c)
			if err != nil {
				return fmt.Errorf("case %d of seed %d: %w\n%s", n, seed, err, &Case{Rules: c.Rules, Posture: c.Posture})
			}
			mu.Lock()
			result.Rulesets++
			result.Decisions += int64(len(c.Accesses))
			mu.Unlock()
			if len(found) == 0 {
				continue
			}
			least := Shrink(Model{}, d, found[0])
			mu.Lock()
			result.Disagreement = &least
			mu.Unlock()
		}
		return nil
	}
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			err := compare()
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
		})
	}
	group.Wait()
	return result, failed
}
