package bpf

import (
	"fmt"
	"path/filepath"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// LSM fails if the kernel takes no programs at its security hooks. It loads
// one that does nothing, and lets it go. That takes milliseconds and reads the
// kernel's types, so the answer should be kept.
func LSM() error {
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         ebpf.LSM,
		AttachType:   ebpf.AttachLSMMac,
		AttachTo:     "file_open",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
		License:      "GPL",
	})
	if err != nil {
		return fmt.Errorf("load a program for a security hook: %w", err)
	}
	return program.Close()
}

// GuardThere says whether a version of the guard, of whatever release, is
// pinned under dir.
func GuardThere(dir string) bool {
	p := &pins{base: filepath.Clean(dir), version: guardPrefix}
	return p.pinned() == nil
}
