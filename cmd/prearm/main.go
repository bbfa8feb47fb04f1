// Command prearm checks, indexes and explains policies.
package main

import (
	"os"

	"github.com/spf13/cobra"
)

func main() {
	if err := newRoot().Execute(); err != nil {
		os.Exit(1)
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "prearm",
		Short: "Policies in force before a container's first instruction",
	}
	root.PersistentFlags().String("config", "", "the configuration file")
	root.AddCommand(newCheck(), newIndex())
	return root
}
