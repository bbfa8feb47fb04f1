// containerd-shim-prearm-v1 is the containerd shim io.containerd.prearm.v1.
package main

import (
	"fmt"
	"os"

	"github.com/prearm/prearm/shim"
)

func main() {
	if err := shim.Main(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
