// containerd-shim-prearm-v1 is the containerd shim io.containerd.prearm.v1.
package main

import "github.com/prearm/prearm/shim"

func main() {
	shim.Main()
}
