package hooks

import (
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

	GuardRuleset   Kind = "guard-ruleset"   // a ruleset image in the guard's map; Name is its digest
	GuardContainer Kind = "guard-container" // the container under the guard; Name is its Key
)

// Change is one entry of a bundle's journal.
type Change struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"`
}

const journalFile = "journal"

// Record journals c. It is called before the change is made, so that undoing
// must accept a change that never happened.
func (b *Bundle) Record(c Change) (err error) {
	line, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	f, err := os.OpenFile(b.file(journalFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		return errors.Join(fmt.Errorf("journal: %w", err), f.Close())
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// Undo calls undo for every change, the last one first, and goes on past
// errors. If there were none, journal and order are gone afterwards, and
// undoing again does nothing.
func (b *Bundle) Undo(undo func(*Order, Change) error) error {
	order, err := b.ReadOrder()
	if errors.Is(err, os.ErrNotExist) {
		return nil // the order is written first: nothing was changed
	}
	if err != nil {
		return err
	}
	changes, err := b.changes()
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range slices.Backward(changes) {
		if err := undo(order, c); err != nil {
			errs = append(errs, fmt.Errorf("undoing %s %s: %w", c.Kind, c.Name, err))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if err := os.Remove(b.file(journalFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("journal: %w", err)
	}
	return b.removeOrder()
}

// changes reads the journal. A last line without an end was being written
// when its writer died: its change had not begun.
func (b *Bundle) changes() ([]Change, error) {
	data, err := os.ReadFile(b.file(journalFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	var changes []Change
	for line := range bytes.Lines(data) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		var c Change
		if err := json.Unmarshal(line, &c); err != nil {
			return nil, fmt.Errorf("journal %s: %w", b.file(journalFile), err)
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// Pending says whether the bundle has an order, and so perhaps something to
// undo. It does not wait for the lock.
func Pending(bundle string) bool {
	_, err := os.Lstat(filepath.Join(bundle, folder, orderFile))
	return !errors.Is(err, os.ErrNotExist)
}
