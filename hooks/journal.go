package hooks

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Kind is a kind of change that a start makes to the node.
type Kind string

const (
	Profile Kind = "profile" // an AppArmor profile; Name is the profile's
	Ruleset Kind = "ruleset" // a network ruleset in the pinned map; Name is its digest
	Links   Kind = "links"   // cgroup programs attached to the container; Name is its Key
)

// Change is one entry of a journal.
type Change struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"`
}

// Journal lists what a container's start has changed, or was about to change
// when it died. Entries are written before the change, so undoing must accept
// a change that never happened.
type Journal struct {
	path string
}

// JournalOf is the journal in bundle; there need not be one yet.
func JournalOf(bundle string) Journal {
	return Journal{filepath.Join(bundle, folder, "journal")}
}

// Record appends c. The change may be made once Record has returned nil.
func (j Journal) Record(c Change) (err error) {
	line, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	f, err := j.open(os.O_CREATE | os.O_WRONLY | os.O_APPEND)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// Undo calls undo for every change, the last one first, goes on past errors,
// and removes the journal if there were none. It does nothing if there is no
// journal. Only one process undoes at a time.
func (j Journal) Undo(undo func(Change) error) (err error) {
	f, err := j.open(os.O_RDONLY)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	changes, err := readChanges(f)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range slices.Backward(changes) {
		if err := undo(c); err != nil {
			errs = append(errs, fmt.Errorf("undoing %s %s: %w", c.Kind, c.Name, err))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if err := os.Remove(j.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// Pending says whether there is anything to undo.
func (j Journal) Pending() bool {
	_, err := os.Lstat(j.path)
	return !errors.Is(err, os.ErrNotExist)
}

// open opens and locks the journal; closing the file unlocks it.
func (j Journal) open(flags int) (*os.File, error) {
	f, err := os.OpenFile(j.path, flags|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if err := flock(f); err != nil {
		return nil, errors.Join(fmt.Errorf("journal %s: %w", j.path, err), f.Close())
	}
	return f, nil
}

// readChanges reads a journal. A last line without an end was being written
// when its writer died: its change had not begun.
func readChanges(f *os.File) ([]Change, error) {
	var changes []Change
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return changes, nil //nolint:nilerr // see above: an unfinished line is no entry
		}
		var c Change
		if err := json.Unmarshal(bytes.TrimSpace(line), &c); err != nil {
			return nil, fmt.Errorf("journal %s: %w", f.Name(), err)
		}
		changes = append(changes, c)
	}
}

// flock takes f's lock, waiting for it through interruptions.
func flock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
