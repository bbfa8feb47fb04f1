//go:build kernel

package bpf

import (
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// The verifier gives up after a million instructions; at load it takes about
// a millisecond for 3,000.
const mostVerified = 50_000

// Every hook has its program, and none has grown out of hand.
func TestKernelGuardPrograms(t *testing.T) {
	g := kernelGuard(t)
	missing, err := MissingHooks()
	if err != nil {
		t.Fatal(err)
	}
	if len(missing) > 0 {
		t.Errorf("no programs for %v", missing)
	}
	pins, err := os.ReadDir(g.pin(programsDir))
	if err != nil {
		t.Fatal(err)
	}
	total := uint32(0)
	for _, pin := range pins {
		attached, err := link.LoadPinnedLink(g.pin(programsDir+"/"+pin.Name()), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer attached.Close()
		info, err := attached.Info()
		if err != nil {
			t.Fatal(err)
		}
		program, err := ebpf.NewProgramFromID(info.Program)
		if err != nil {
			t.Fatal(err)
		}
		defer program.Close()
		about, err := program.Info()
		if err != nil {
			t.Fatal(err)
		}
		verified, ok := about.VerifiedInstructions()
		if !ok {
			t.Fatalf("%s: the kernel does not tell", pin.Name())
		}
		t.Logf("%-24s %7d verified", pin.Name(), verified)
		if verified > mostVerified {
			t.Errorf("%s: %d instructions verified, more than %d", pin.Name(), verified, mostVerified)
		}
		total += verified
	}
	t.Logf("%d programs, %d instructions verified", len(pins), total)
}
