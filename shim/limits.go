package shim

import "time"

// Bounds on what a start waits for. Each one that passes refuses the start. They
// are for what hangs, not for what is slow: where hundreds of containers start
// at once, each waits for the others.
const (
	parserTimeout = 60 * time.Second // apparmor_parser, on a cold cache
	indexTimeout  = 60 * time.Second // prearm index, over all policies of the node
	guardTimeout  = 5 * time.Minute  // prearm bpf load, which waits for others that load
	hookTimeout   = 60               // seconds, for the OCI runtime

	// indexTries is how often policies may change again while they are read.
	indexTries = 5
)
