// Package agreement compares what enforces a policy with the reference model,
// on random rules and on accesses that lie near them.
//
// A Case is drawn from a seed and a number, so that each can be drawn again
// alone. Its rules are written in the spellings that policies use, and
// resolved against file systems with a merged /usr, multi-call binaries and a
// projected volume. Where a Decider and the model disagree, the case is made
// as small as it can be, and printed in the form of testdata/regressions,
// whose files are compared at each run.
package agreement
