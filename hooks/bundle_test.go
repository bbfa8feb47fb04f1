package hooks

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func newBundle(t *testing.T) (*Bundle, string) {
	t.Helper()
	path := t.TempDir()
	b, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b, path
}

func writeOrder(t *testing.T, b *Bundle, path string) {
	t.Helper()
	if err := b.WriteOrder(&Order{Container: Key(path)}); err != nil {
		t.Fatal(err)
	}
}

func record(t *testing.T, b *Bundle, changes ...Change) {
	t.Helper()
	for _, c := range changes {
		if err := b.Record(c); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUndoTakesChangesBackInReverse(t *testing.T) {
	b, path := newBundle(t)
	writeOrder(t, b, path)
	changes := []Change{{Profile, "p"}, {Ruleset, "r"}, {Links, "l"}}
	record(t, b, changes...)
	if !Pending(path) {
		t.Error("nothing pending after three changes")
	}
	var undone []Change
	if err := b.Undo(func(_ *Order, c Change) error { undone = append(undone, c); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(undone)
	if !slices.Equal(undone, changes) {
		t.Errorf("undone %v, want the reverse of %v", undone, changes)
	}
	if Pending(path) {
		t.Error("still pending")
	}
	if _, err := b.ReadOrder(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the order outlived its undoing: %v", err)
	}
	again := func(*Order, Change) error { t.Error("undone twice"); return nil }
	if err := b.Undo(again); err != nil {
		t.Fatal(err)
	}
}

func TestUndoGoesOnPastErrorsAndCanBeRepeated(t *testing.T) {
	b, path := newBundle(t)
	writeOrder(t, b, path)
	record(t, b, Change{Profile, "p"}, Change{Ruleset, "r"})
	var undone int
	err := b.Undo(func(_ *Order, c Change) error {
		undone++
		if c.Kind == Ruleset {
			return errors.New("busy")
		}
		return nil
	})
	if err == nil || undone != 2 {
		t.Fatalf("err %v after %d changes", err, undone)
	}
	if !Pending(path) {
		t.Fatal("a failed undo is not pending")
	}
	if err := b.Undo(func(*Order, Change) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestUnfinishedEntryIsNoChange(t *testing.T) {
	b, path := newBundle(t)
	writeOrder(t, b, path)
	record(t, b, Change{Profile, "p"})
	f, err := os.OpenFile(filepath.Join(path, folder, journalFile), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"kind":"rules`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var undone []Change
	if err := b.Undo(func(_ *Order, c Change) error { undone = append(undone, c); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(undone) != 1 {
		t.Errorf("undone %v", undone)
	}
}

func TestOrderBelongsToItsBundle(t *testing.T) {
	b, _ := newBundle(t)
	writeOrder(t, b, "/another/bundle")
	if _, err := b.ReadOrder(); err == nil {
		t.Error("an order copied from another bundle was accepted")
	}
}

func TestBundleLockIsExclusive(t *testing.T) {
	b, path := newBundle(t)
	second := make(chan error)
	go func() {
		other, err := Open(path)
		if err == nil {
			// The first holder finished its work before it let go.
			_, err = other.ReadOrder()
			err = errors.Join(err, other.Close())
		}
		second <- err
	}()
	writeOrder(t, b, path)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Error(err)
	}
}
