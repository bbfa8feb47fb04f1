package store

import (
	"errors"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/prearm/prearm/policy/store/internal/format"
	"github.com/prearm/prearm/policy/store/internal/scan"
)

// Store is an opened index of a policy folder. Its methods may be called from
// several goroutines, Close only after the others.
type Store struct {
	path   string // of the index
	index  *format.Index
	folder *scan.Folder
	check  func() error // waits for the check of the files
}

// Open opens the index of the folder and makes sure that it is up to date.
// Its error matches ErrStale if the index has to be made first, and
// ErrUnreadable if the folder is the matter.
func Open(policyDir, indexPath string) (*Store, error) {
	s, err := Begin(policyDir, indexPath)
	if err != nil {
		return nil, err
	}
	if err := s.Verify(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Begin opens the index without waiting for the check of the files, which
// runs beside the caller. Nothing that Select answers may be relied upon
// before Verify has returned nil.
func Begin(policyDir, indexPath string) (*Store, error) {
	policyDir, err := filepath.Abs(policyDir)
	if err != nil {
		return nil, Unreadable(policyDir, err)
	}
	folder, err := scan.Open(policyDir)
	if err != nil {
		return nil, Unreadable(policyDir, err)
	}
	index, err := format.Open(indexPath)
	if err != nil {
		folder.Close()
		return nil, staleIf(err)
	}
	if of := index.Folder(); of != policyDir {
		index.Close()
		folder.Close()
		return nil, stale("it is an index of %s", of)
	}
	s := &Store{path: indexPath, index: index, folder: folder}
	done := make(chan error, 1)
	go func() { done <- verify(folder, index, scan.Now()) }()
	s.check = sync.OnceValue(func() error { return <-done })
	return s, nil
}

// Verify waits for the check of the files. Its error matches ErrStale if they
// are not what the index was made of. The answer is as of the call of Begin.
func (s *Store) Verify() error {
	return s.check()
}

// Close releases the store.
func (s *Store) Close() error {
	s.check() //nolint:errcheck // the check must be over before its memory goes; its answer is Verify's
	return errors.Join(s.index.Close(), s.folder.Close())
}

// staleIf makes errors that a new index would cure match ErrStale.
func staleIf(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, format.ErrDamaged) {
		return stale("%w", err)
	}
	return err
}
