// Package hooks keeps what a container's start has changed on the node, so
// that every change is undone exactly once, whatever dies on the way.
//
// Three things make that work. The Order, written into the Bundle, tells the
// OCI hooks what to do. The journal, beside it, gets a line before each step.
// And Claims count, in the node's state folder, which containers use a shared
// object, so that the last one out removes it.
//
// The steps themselves that need eBPF are in package hooks/oci, which only
// prearm-hook links: the shim stays small.
package hooks
