//go:build integration

// Command bench measures what Prearm costs a container's start, beside the
// runc runtime on the same machine, prints a table and writes it as JSON.
//
//	go run -tags integration ./integration/bench -o build/bench.json
//
// Times of this machine mean little elsewhere; their ratios are the result.
// Each round runs one container under either runtime, whichever first in turn,
// so that what disturbs the machine disturbs both; and one more under runc,
// whose ratio to the other one is the noise.
//
// With -accesses it measures what rules cost the processes that they are for,
// beside no rules and beside AppArmor, in a machine that has both enforcers.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/integration"
)

func main() {
	out := flag.String("o", "build/bench.json", "the file to write")
	rounds := flag.Int("n", 200, "pairs of starts")
	policies := flag.Int("policies", 10_000, "policies in the big store")
	accesses := flag.Bool("accesses", false, "measure what processes pay, and no starts")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: bench [options] [FILE...]: results in FILEs, of other machines, join the table")
		flag.PrintDefaults()
	}
	flag.Parse()
	code, err := 0, error(nil)
	if integration.Enclosed() {
		err = run(*out, func(b *bench) []func() error {
			if *accesses {
				return []func() error{b.accesses}
			}
			return []func() error{
				func() error { return b.join(flag.Args()) },
				func() error { return b.starts("", 0) },
				func() error { return b.starts(fmt.Sprintf(", %d policies", *policies), *policies) },
				b.idle, b.sizes, b.cold, b.pods, b.memory,
			}
		}, *rounds)
	} else {
		code, err = integration.Enclose()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func run(out string, measures func(*bench) []func() error, rounds int) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	b, err := newBench(ctx, rounds)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	for _, measure := range measures(b) {
		if err := measure(); err != nil {
			return err
		}
	}
	b.print(os.Stdout)
	text, err := json.MarshalIndent(b.rows, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	if err := os.WriteFile(out, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}
