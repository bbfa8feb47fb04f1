//go:build integration

package integration

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// native leaves a test to the machine's own kernel.
const native = "native"

// leaveTo leaves a test to one of the two kernels that the virtual machines
// boot, where every start takes seconds, or to the machine's own: what it
// shows is the product's, whatever the kernel and whether it has AppArmor. The
// long tier runs it everywhere, and so does a machine that is not emulated.
func leaveTo(t *testing.T, kernel string) {
	t.Helper()
	if !shared.Slow || shared.Long {
		return
	}
	if !strings.HasPrefix(release(t), kernel+".") {
		t.Skipf("left to kernel %s", kernel)
	}
}

// release is the running kernel's.
func release(t *testing.T) string {
	t.Helper()
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		t.Fatal(err)
	}
	return unix.ByteSliceToString(uts.Release[:])
}
