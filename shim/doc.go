// Package shim is the containerd shim io.containerd.prearm.v1. It wraps
// containerd's runc task service so that no process of a container runs
// before the container's policies are in force.
//
// A container goes through start.go from top to bottom; everything before
// that file's last step can be undone, and an error in any of them refuses
// the start.
package shim
