package shim

import (
	"math"
	"runtime/debug"
	"time"
)

// A shim's first second is a container's start: collecting garbage then takes
// from it what a collection a little later takes from nobody. Afterwards the
// shim is small again, and stays as the shim library has it.
const (
	collectAfter = 2 * time.Second
	collectFrom  = 32 << 20 // bytes; what is more is collected at once
	shimGC       = 40       // percent, as the shim library sets it
)

// collectLater puts the garbage collector off until the start is over.
func collectLater() {
	debug.SetMemoryLimit(collectFrom)
	debug.SetGCPercent(-1)
	time.AfterFunc(collectAfter, func() {
		debug.SetGCPercent(shimGC)
		debug.SetMemoryLimit(math.MaxInt64)
		debug.FreeOSMemory()
	})
}
