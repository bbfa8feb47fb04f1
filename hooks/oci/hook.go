// Package oci is prearm-hook: the steps that run as hooks of the OCI runtime.
// createRuntime arms the container's cgroup between the mounts and the
// pivot_root; poststop undoes everything that the start changed.
package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/prearm/prearm/hooks"
	"github.com/prearm/prearm/hooks/undo"
)

// maxState bounds what is read from the runtime.
const maxState = 1 << 20

// Run does what stage asks, for the container that the OCI state on stdin
// names.
func Run(stage string, stdin io.Reader) error {
	if stage != hooks.CreateRuntime && stage != hooks.Poststop {
		return fmt.Errorf("prearm-hook is called by the OCI runtime, as %s or %s; %q is neither", hooks.CreateRuntime, hooks.Poststop, stage)
	}
	state, err := ReadState(stdin)
	if err != nil {
		return err
	}
	if stage == hooks.Poststop {
		return undo.Container(state.Bundle)
	}
	return withBundle(state.Bundle, func(b *hooks.Bundle) error { return CreateRuntime(b, state.Pid) })
}

func withBundle(path string, do func(*hooks.Bundle) error) (err error) {
	b, err := hooks.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	return do(b)
}

// ReadState reads what the OCI runtime says of a container to its hooks.
func ReadState(r io.Reader) (*specs.State, error) {
	var state specs.State
	if err := json.NewDecoder(io.LimitReader(r, maxState)).Decode(&state); err != nil {
		return nil, fmt.Errorf("OCI state on stdin: %w", err)
	}
	if state.Bundle == "" {
		return nil, fmt.Errorf("OCI state on stdin names no bundle")
	}
	return &state, nil
}
