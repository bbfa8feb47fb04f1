package shim

import "time"

// Bounds on what a start waits for. Each one that passes refuses the start.
const (
	parserTimeout = 10 * time.Second // apparmor_parser, on a cold cache
	indexTimeout  = 60 * time.Second // prearm index, over all policies of the node
	hookTimeout   = 10               // seconds, for the OCI runtime

	// indexTries is how often policies may change again while they are read.
	indexTries = 5
)
