// prearm-hook is called by the OCI runtime around a container's start.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/prearm/prearm/hooks/oci"
)

func main() {
	debug.SetGCPercent(-1) // the process ends before collecting would pay
	var stage string
	var args []string
	if len(os.Args) > 1 {
		stage, args = os.Args[1], os.Args[2:]
	}
	if err := oci.Run(stage, args, os.Stdin); err != nil {
		fmt.Fprintf(os.Stderr, "prearm: %v\n", err)
		os.Exit(1)
	}
}
