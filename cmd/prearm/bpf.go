package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/prearm/prearm/bpf"
)

func newBPF() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bpf",
		Short: "Load the cgroup programs ahead of the first start",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "load",
		Short: "Load and pin the cgroup programs, unless they are",
		Long: `Load pins the eBPF programs and maps of network rules, once for the node, so that no
start has to. The unit prearm.service runs it at boot. Those of another release stay
beside them while containers need them, and go with the first load after that.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SilenceUsage = true
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			node, err := bpf.Open(c.BPFFS)
			if err != nil {
				return err
			}
			return errors.Join(node.Prune(), node.Close())
		},
	}, &cobra.Command{
		Use:   "unload",
		Short: "Remove what is pinned, unless containers need it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SilenceUsage = true
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			if err := bpf.Unload(c.BPFFS); err != nil {
				return fmt.Errorf("stop these containers first: %w", err)
			}
			return nil
		},
	})
	return cmd
}
