package bpf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
)

func TestPinned(t *testing.T) {
	if all, err := Pinned(filepath.Join(t.TempDir(), "none")); err != nil || len(all) != 0 {
		t.Errorf("without a folder: %+v, %v", all, err)
	}
	g, cgroup := newGuard(t), newCgroup(t)
	digest := digestOf("pinned")
	putImage(t, g, digest)
	if err := g.Arm("c", Container{Cgroup: cgroup, RootMount: 1, UserNS: 1, Ruleset: digest}); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(g.dir(), filepath.Join(g.base, guardPrefix+"00")); err != nil {
		t.Fatal(err)
	}
	n, err := Open(g.base)
	if err != nil {
		t.Fatal(err)
	}
	all, err := Pinned(g.base)
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	programs, guard := all[0], all[1]
	if programs.Guard || !programs.Current || programs.Name != n.version || len(programs.Programs) != len(allHooks()) || len(programs.Containers) != 0 {
		t.Errorf("the cgroup programs: %+v", programs)
	}
	if !guard.Guard || guard.Current || guard.Rulesets != 1 || !slices.Equal(guard.Containers, []string{`"c"`}) {
		t.Errorf("the guard of another release: %+v", guard)
	}
}

// TestGuarded: a container is held while its guard's programs are pinned.
func TestGuarded(t *testing.T) {
	g, cgroup := newGuard(t), newCgroup(t)
	digest := digestOf("guarded")
	putImage(t, g, digest)
	if err := g.Arm("c", Container{Cgroup: cgroup, RootMount: 1, UserNS: 1, Ruleset: digest}); err != nil {
		t.Fatal(err)
	}
	if err := Guarded(g.base, "c"); err == nil {
		t.Error("held without a program")
	}
	if err := os.MkdirAll(filepath.Join(g.pin(programsDir), "one"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Guarded(g.base, "c"); err != nil {
		t.Error(err)
	}
	if err := Guarded(g.base, "d"); !errors.Is(err, ErrNotArmed) {
		t.Errorf("a container that was never armed: %v, want %v", err, ErrNotArmed)
	}
	if err := os.RemoveAll(g.dir()); err != nil {
		t.Fatal(err)
	}
	if err := Guarded(g.base, "c"); !errors.Is(err, ErrNotPinned) {
		t.Errorf("without pins: %v, want %v", err, ErrNotPinned)
	}
}

func TestMissingHooks(t *testing.T) {
	spec := &ebpf.CollectionSpec{Programs: map[string]*ebpf.ProgramSpec{
		"one":   {Type: ebpf.LSM, AttachTo: "file_open"},
		"two":   {Type: ebpf.LSM, AttachTo: "file_close_slowly"},
		"other": {Type: ebpf.Syscall},
	}}
	if names, err := missingHooks(spec); err != nil || !slices.Equal(names, []string{"file_close_slowly"}) {
		t.Errorf("%q, %v", names, err)
	}
}

func TestVerifierLog(t *testing.T) {
	refused := fmt.Errorf("load: %w", &ebpf.VerifierError{Cause: os.ErrPermission, Log: []string{"a", "\tb", "", "c"}})
	if log := VerifierLog(refused, 2); !slices.Equal(log, []string{"b", "c"}) {
		t.Errorf("%q", log)
	}
	if log := VerifierLog(refused, 9); len(log) != 3 {
		t.Errorf("%q", log)
	}
	if log := VerifierLog(os.ErrPermission, 9); len(log) != 0 {
		t.Errorf("%q", log)
	}
}
