package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/hooks/host"
	"github.com/prearm/prearm/shim/config"
	"github.com/prearm/prearm/translate"
)

// verifierLines is how much of what the kernel says of a program that it
// refuses is shown: the end names what it does not like.
const verifierLines = 8

func newBPF() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bpf",
		Short: "Load eBPF programs ahead of the first start, list and remove them",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(newBPFLoad(), newBPFUnload(), newBPFStatus())
	return cmd
}

func newBPFLoad() *cobra.Command {
	var (
		guard bool
		dir   string
	)
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Load and pin the eBPF programs, unless they are",
		Long: `Load pins the eBPF programs and maps of network rules, and the guard where this node
enforces rules by it, once for the node, so that no start has to. The unit
prearm.service runs it at boot. Those of another release stay beside them while
containers need them, and go with the first load after that.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SilenceUsage = true
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			if dir != "" {
				c.BPFFS = dir
			}
			if guard {
				return loadGuard(c)
			}
			node, err := bpf.Open(c.BPFFS)
			if err != nil {
				return err
			}
			if err := errors.Join(node.Prune(), node.Close()); err != nil {
				return err
			}
			if used, _, _, err := translate.Enforcers(c.Enforcer, host.Probe(c)); err != nil || !used {
				return err
			}
			return loadGuard(c)
		},
	}
	cmd.Flags().BoolVar(&guard, "guard", false, "load the guard, whatever the settings say, and nothing else")
	cmd.Flags().StringVar(&dir, "bpffs", "", "the folder of pins (default: as configured)")
	return cmd
}

// loadGuard loads the guard. What the kernel's verifier says is in the error.
func loadGuard(c *config.Config) error {
	guard, err := bpf.OpenGuard(c.BPFFS)
	if log := bpf.VerifierLog(err, verifierLines); len(log) > 0 {
		return fmt.Errorf("%w\nthe kernel's verifier ended with:\n  %s", err, strings.Join(log, "\n  "))
	}
	if err != nil {
		return err
	}
	return guard.Prune()
}

func newBPFUnload() *cobra.Command {
	return &cobra.Command{
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
	}
}

func newBPFStatus() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "List what is pinned, and the containers that it holds",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			cmd.SilenceUsage = true
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			versions, err := bpf.Pinned(c.BPFFS)
			if err != nil {
				return err
			}
			if output == "json" {
				return printJSON(cmd.OutOrStdout(), append([]bpf.Version{}, versions...))
			}
			return printVersions(cmd.OutOrStdout(), c.BPFFS, versions)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

func printVersions(w io.Writer, dir string, versions []bpf.Version) error {
	p := newPrinter(w)
	if len(versions) == 0 {
		p.printf("nothing is pinned in %s\n", dir)
		return p.err
	}
	rows := [][]string{{"VERSION", "WHAT", "PROGRAMS", "CONTAINERS", "RULESETS", ""}}
	for _, v := range versions {
		what, note := "cgroup programs", "of another release"
		if v.Guard {
			what = "guard"
		}
		if v.Current {
			note = ""
		}
		rows = append(rows, []string{v.Name, what, fmt.Sprint(len(v.Programs)), fmt.Sprint(len(v.Containers)), fmt.Sprint(v.Rulesets), note})
	}
	p.table(rows)
	return p.err
}
