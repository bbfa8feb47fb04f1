package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/prearm/prearm/cmd/prearm/internal/hooksd"
)

func newHook() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hook",
		Short: "Work without the shim, as a hook of podman's containers",
		Long: `Podman has no shims. A hook of the OCI runtime does a part of their work: it finds
the policies of the container, puts the network rules on its cgroup, and refuses the
start if a rule takes more than that. prearm explain --runtime hook says which do.

Policies are those of the namespace podman and those of the cluster. Hooks do not see
podman's labels: the container's annotations stand for them (--annotation app=web), but
none that its image has as well.`,
	}
	cmd.AddCommand(newHookInstall(), newHookUninstall(), newHookRun())
	return cmd
}

// hookFlags are what install and uninstall have in common.
type hookFlags struct {
	dir    string
	dryRun bool
}

func (h *hookFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&h.dir, "dir", hooksd.DefaultDir, "the folder of hooks that the engine reads")
	cmd.Flags().BoolVar(&h.dryRun, "dry-run", false, "print what would be done, and do nothing")
	_ = cmd.MarkFlagDirname("dir") // fails only for a flag that is not there
}

func newHookInstall() *cobra.Command {
	var h hookFlags
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Have podman call the hook for every container",
		Long: `Install writes ` + hooksd.Name + ` into the folder of hooks that podman, and podman build, read.
The hook is this program, with the settings of --config if that is given. From then on
every container that podman starts is held to the policies.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SilenceUsage = true
			hook, err := thisHook(cmd)
			if err != nil {
				return err
			}
			file, err := hooksd.Open(h.dir)
			if err != nil {
				return err
			}
			text, err := hook.Marshal()
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			switch {
			case file.Holds(text):
				_, err = fmt.Fprintf(out, "%s is up to date\n", file.Path)
			case h.dryRun:
				_, err = fmt.Fprintf(out, "would write %s:\n%s", file.Path, text)
			default:
				if err = file.Write(text); err == nil {
					_, err = fmt.Fprintf(out, "wrote %s\n", file.Path)
				}
			}
			return err
		},
	}
	h.flags(cmd)
	return cmd
}

func newHookUninstall() *cobra.Command {
	var h hookFlags
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Undo hook install",
		Long: `Uninstall removes the file that install wrote. Containers that run keep their rules
until they end; then podman, which has noted the hook for them, still calls it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SilenceUsage = true
			file, err := hooksd.Open(h.dir)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			switch {
			case !file.Exists():
				_, err = fmt.Fprintf(out, "%s is not there\n", file.Path)
			case h.dryRun:
				_, err = fmt.Fprintf(out, "would remove %s\n", file.Path)
			default:
				if err = file.Remove(); err == nil {
					_, err = fmt.Fprintf(out, "removed %s\n", file.Path)
				}
			}
			return err
		},
	}
	h.flags(cmd)
	return cmd
}

// thisHook is the hook that runs this program with the settings of --config,
// which are read, so that a mistake in them shows now.
func thisHook(cmd *cobra.Command) (hooksd.Hook, error) {
	if _, err := settings(cmd); err != nil {
		return hooksd.Hook{}, err
	}
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return hooksd.Hook{}, err
	}
	args := []string{"prearm"}
	if config := cmd.Flag("config").Value.String(); config != "" {
		if config, err = filepath.Abs(config); err != nil {
			return hooksd.Hook{}, err
		}
		args = append(args, "--config", config)
	}
	return hooksd.Hook{Path: self, Args: append(args, "hook", "run"), Timeout: hookTimeout}, nil
}
