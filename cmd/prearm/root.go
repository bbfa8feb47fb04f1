package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "prearm",
		Short: "Policies in force before a container's first instruction",
		Long: `Prearm enforces security policies on containers from their first instruction on,
or does not let them start. This is its tool: the runtime is containerd's shim
io.containerd.prearm.v1.`,
	}
	root.PersistentFlags().String("config", "", "the configuration file (default /etc/prearm/config.toml)")
	root.AddCommand(newCheck(), newIndex(), newExplain(), newDecide(), newDoctor(), newEvents(), newPolicies(),
		newInstall(), newUninstall(), newBPF(), newHook(), newVersion())
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "prearm %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// release is set by the build: a tag, and the commits since.
var release string

// version is the release, else that of the module, or the commit that a build
// in the source tree was made of.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	revision, modified := "devel", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "+modified"
		}
	}
	return revision + modified
}
