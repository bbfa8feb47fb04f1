// prearm-shim serves the containers of a pod; containerd-shim-prearm-v1
// starts it.
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
