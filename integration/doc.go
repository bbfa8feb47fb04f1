//go:build integration

// Package integration proves on real kernels that denied things are denied.
//
// It starts a containerd of its own in a temporary folder, runs real
// containers through it and judges what they could do, never what was written
// somewhere. Each test first shows that the act succeeds without the policy.
//
// The tests are compiled on any host and run as root, natively or in a virtual
// machine:
//
//	go test -c -tags integration -o build/integration.test ./integration
//	build/integration.test -test.v
//
// They take their surroundings from the environment:
//
//	PREARM_BIN         the folder of the binaries under test (build/bin)
//	PREARM_BIN_FAULTS  the same, built to stop or stall between steps (build/bin-faults)
//	PREARM_FIXTURE     the programs of the fixture folder (build/fixture)
//	PREARM_IMAGES      root file systems, one folder each (build/images)
//	PREARM_TIER        how many starts: ci (the default) or long
//	PREARM_ENFORCER    what the nodes' enforcer is, for tests that are not about one of them
package integration
