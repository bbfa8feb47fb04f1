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
	if len(os.Args) > 1 {
		stage = os.Args[1]
	}
	if err := oci.Run(stage, os.Stdin); err != nil {
		fmt.Fprintf(os.Stderr, "prearm: %v\n", err)
		os.Exit(1)
	}
}
