//go:build integration

package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prearm/prearm/integration"
)

// manyRules is a specification of as many rules, of files where there is
// AppArmor to enforce them.
func (b *bench) manyRules(count int) string {
	var text strings.Builder
	if b.AppArmor {
		text.WriteString("  file:\n    matchPaths:\n")
		for i := range count {
			fmt.Fprintf(&text, "    - path: /data/%d/file\n", i)
		}
		return text.String()
	}
	names := []string{"ptrace", "keyctl", "add_key", "request_key", "userfaultfd", "perf_event_open", "bpf"}
	text.WriteString("  syscalls:\n    matchSyscalls:\n")
	for i := range count {
		fmt.Fprintf(&text, "    - syscall: [%s]\n", names[i%len(names)])
	}
	return text.String()
}

// sizes measures starts under policies of 10, 100 and 1,000 rules.
func (b *bench) sizes() error {
	for _, count := range []int{10, 100, 1000} {
		if err := b.size(count); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) size(count int) (err error) {
	n, err := b.NewNode(fmt.Sprintf("bench-%d-rules", count))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Remove()) }()
	if err := n.WritePolicy("many", b.manyRules(count)); err != nil {
		return err
	}
	return b.start(fmt.Sprintf("start, create to started, %d rules", count), n, b.startOnly, 0, 0)
}

// coldRounds bounds how often cold is measured: each round compiles anew.
const coldRounds = 50

// cold measures the first start of a policy, for which nothing is indexed,
// compiled or loaded yet, and the next one.
func (b *bench) cold() (err error) {
	n, err := b.NewNode("bench-cold")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Remove()) }()
	var first, next sample
	for i := range min(b.rounds, coldRounds) {
		if err := n.WritePolicy("cold", fmt.Sprintf("%s\n  message: round %d", b.policy(), i)); err != nil {
			return err
		}
		for _, one := range []struct {
			runtime string
			times   *[]time.Duration
		}{
			{integration.Prearm, &first.prearm}, {integration.Prearm, &next.prearm},
			{integration.Runc, &first.runc}, {integration.Runc, &first.again},
		} {
			took, err := b.startOnly(n, one.runtime)
			if err != nil {
				return fmt.Errorf("first start of a policy: %w", err)
			}
			*one.times = append(*one.times, took)
		}
	}
	next.runc, next.again = first.runc, first.again
	b.report("start, create to started, the first of a policy", first, 0, 0, "all that the next ones find done")
	b.report("start, create to started, the next of a policy", next, 0, 0, "the same policies")
	return nil
}
