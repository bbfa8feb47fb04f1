// Package attacks is a corpus of ways around policies: small programs, each
// with what it claims, the policies that it is tried under, and what has to
// come of it. The integration suite performs all of them in containers, once
// without any policy, where they must succeed, and under each of their
// policies, by each mechanism that the kernel has; docs/attacks.md is what
// came of it.
//
// An attack is one file below programs/, see programs/attack.h. Its first
// comment is the claim, and after an empty line:
//
//	under POLICY: RESULT[; ENFORCER: RESIDUAL]...
//	needs: WHAT
//	tier: long
//
// POLICY is a file in policies/. RESULT is what the rules mean: "stopped";
// "works", for what is no attack and must go on working; or "by nature", for
// what a rule of that kind cannot stop, because it protects a name. Under
// another of its policies such an attack is stopped. A residual, by its id, is
// a declared difference of that enforcer: it turns the result around. What an
// attack needs may be lacking in a kernel; without it the attack proves
// nothing there.
package attacks

//go:generate go test -run TestDocumentIsUpToDate . -update
