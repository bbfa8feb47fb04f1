// Package oci is prearm-hook: the steps that run as hooks of the OCI runtime.
// createRuntime arms the container's cgroup between the mounts and the
// pivot_root; poststop undoes everything that the start changed.
package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/prearm/prearm/hooks"
)

// Stages that prearm-hook is called for. Undo is the shim's: it cleans up
// after a start that the runtime never finished.
const (
	CreateRuntime = "createRuntime"
	Poststop      = "poststop"
	Undo          = "undo"
)

// maxState bounds what is read from the runtime.
const maxState = 1 << 20

// Run does what stage asks. For Undo the bundle comes as an argument, for the
// others in the OCI state on stdin.
func Run(stage string, args []string, stdin io.Reader) error {
	switch stage {
	case CreateRuntime:
		state, err := readState(stdin)
		if err != nil {
			return err
		}
		order, err := hooks.ReadOrder(state.Bundle)
		if err != nil {
			return err
		}
		return createRuntime(state, order)
	case Poststop:
		state, err := readState(stdin)
		if err != nil {
			return err
		}
		return undo(state.Bundle)
	case Undo:
		if len(args) != 1 {
			return fmt.Errorf("usage: prearm-hook undo BUNDLE")
		}
		return undo(args[0])
	}
	return fmt.Errorf("prearm-hook is called by the OCI runtime, as %s or %s; %q is neither", CreateRuntime, Poststop, stage)
}

func readState(r io.Reader) (*specs.State, error) {
	var state specs.State
	if err := json.NewDecoder(io.LimitReader(r, maxState)).Decode(&state); err != nil {
		return nil, fmt.Errorf("OCI state on stdin: %w", err)
	}
	if state.Bundle == "" {
		return nil, fmt.Errorf("OCI state on stdin names no bundle")
	}
	return &state, nil
}

// undo takes back what the start of the bundle's container changed.
func undo(bundle string) error {
	order, err := hooks.ReadOrder(bundle)
	if errors.Is(err, os.ErrNotExist) {
		return nil // nothing was begun
	}
	if err != nil {
		return err
	}
	node := node{order}
	return hooks.JournalOf(bundle).Undo(node.undo)
}
