// containerd-shim-prearm-v1 is what containerd calls for a container of the
// runtime io.containerd.prearm.v1.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/prearm/prearm/shim/front"
)

func main() {
	debug.SetGCPercent(-1) // the process ends before collecting would pay
	if err := front.Main(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
