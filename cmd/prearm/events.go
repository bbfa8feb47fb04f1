package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/bpf"
)

func newEvents() *cobra.Command {
	return &cobra.Command{
		Use:   "events",
		Short: "Print denials and audit hits of network rules as they happen",
		Long: `Events prints what the network rules of this node's containers deny and alert on, a
line each, until it is interrupted. Two readers share the events, each getting some.
A container's rule numbers count as in prearm explain -o json.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			cmd.SilenceUsage = true
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			node, err := bpf.OpenPinned(c.BPFFS)
			if errors.Is(err, bpf.ErrNotPinned) {
				return fmt.Errorf("no container with network rules has been started since the boot: %w", err)
			}
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, node.Close()) }()
			ctx, stop := signal.NotifyContext(cmd.Context(), unix.SIGINT, unix.SIGTERM)
			defer stop()
			events, err := node.Events(ctx)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, events.Close()) }()
			for {
				event, err := events.Read()
				if errors.Is(err, os.ErrClosed) {
					return nil
				}
				if err != nil {
					return err
				}
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), event); err != nil {
					return err
				}
			}
		},
	}
}
