package bpf

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// installGuard loads the guard, pins its maps in dir by their names and the
// attachments of its programs in dir's folder of programs. Both are there and
// empty. If it fails, nothing is attached once dir is gone.
func installGuard(dir string) error {
	spec, err := guardSpec()
	if err != nil {
		return err
	}
	return pinGuard(dir, spec)
}

// TryGuard loads the guard and lets it go again, so that nothing changes. The
// error is that of installing it.
func TryGuard() error {
	spec, err := guardSpec()
	if err != nil {
		return err
	}
	guard, err := ebpf.NewCollection(spec)
	if err != nil {
		return err
	}
	guard.Close()
	return nil
}

// guardSpec is the guard as this kernel can have it.
func guardSpec() (*ebpf.CollectionSpec, error) {
	return loadGuard()
}

func pinGuard(dir string, spec *ebpf.CollectionSpec) (err error) {
	guard, err := ebpf.NewCollection(spec)
	if err != nil {
		return err
	}
	defer guard.Close()
	for name, m := range guard.Maps {
		if strings.Contains(name, ".") {
			continue // of the compiler's making, such as .rodata
		}
		if err := m.Pin(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("pin %s: %w", name, err)
		}
	}
	for name, program := range guard.Programs {
		if program.Type() != ebpf.LSM {
			continue
		}
		l, err := link.AttachLSM(link.LSMOptions{Program: program})
		if err != nil {
			return fmt.Errorf("attach %s: %w", name, err)
		}
		err = l.Pin(filepath.Join(dir, programsDir, name))
		if err := errors.Join(err, l.Close()); err != nil {
			return fmt.Errorf("pin %s: %w", name, err)
		}
	}
	return nil
}
