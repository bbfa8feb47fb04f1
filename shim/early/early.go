// Package early is what the start action leaves in the bundle for Create.
//
// containerd calls the shim with the action "start" for every container, and
// only then sends Create to the process that serves it. Two things that a
// start waits for are begun in that action, while the serving process comes
// up: containerd is asked who the container is, and the options are left in
// the bundle, from which the serving process knows whose policies to check
// before Create has come. Where there was no start action (a container that
// joins a sandbox of containerd 2), Create does both itself.
package early

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/shim/subject"
)

const (
	optionsFile = "prearm-options"
	subjectFile = "prearm-subject"
	errorFile   = "prearm-subject-error" // why there is no answer; Create refuses with it
)

// LeaveOptions leaves containerd's options, as they came on stdin.
func LeaveOptions(bundle string, options []byte) error {
	if err := os.WriteFile(filepath.Join(bundle, optionsFile), options, 0o600); err != nil {
		return fmt.Errorf("options: %w", err)
	}
	return nil
}

// Options gives what LeaveOptions left.
func Options(bundle string) ([]byte, error) {
	return os.ReadFile(filepath.Join(bundle, optionsFile))
}

// LeaveSubject asks containerd who the container is and leaves the answer, or
// why there is none, which Create then refuses the start with: the serving
// process is up by then, and containerd ends it if Create fails.
func LeaveSubject(ctx context.Context, bundle string, q subject.Query) error {
	who, err := subject.Ask(ctx, q)
	if err != nil {
		return os.WriteFile(filepath.Join(bundle, errorFile), []byte(err.Error()), 0o600)
	}
	data, err := json.Marshal(who)
	if err != nil {
		return fmt.Errorf("subject: %w", err)
	}
	return os.WriteFile(filepath.Join(bundle, subjectFile), data, 0o600)
}

// Subject gives what LeaveSubject left. The error matches os.ErrNotExist if
// there was no start action.
func Subject(bundle string) (who policy.Subject, err error) {
	if why, err := os.ReadFile(filepath.Join(bundle, errorFile)); err == nil {
		return who, errors.New(string(why))
	}
	data, err := os.ReadFile(filepath.Join(bundle, subjectFile))
	if err != nil {
		return who, err
	}
	return who, json.Unmarshal(data, &who)
}
