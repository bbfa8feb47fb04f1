package profiles

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prearm/prearm/profiles/base"
)

// cache is a folder of compiled profiles. A file is a checksum and what it is
// of; one that does not fit its checksum is as good as none.
type cache string

func (c cache) get(key string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(string(c), key))
	if err != nil {
		return nil, err
	}
	if len(data) <= sha256.Size {
		return nil, fmt.Errorf("cached profile %s is cut off", key)
	}
	binary := data[sha256.Size:]
	if sha256.Sum256(binary) != [sha256.Size]byte(data[:sha256.Size]) {
		return nil, fmt.Errorf("cached profile %s is damaged", key)
	}
	return binary, nil
}

func (c cache) put(key string, binary []byte) error {
	sum := sha256.Sum256(binary)
	if err := c.keep(key, append(sum[:], binary...)); err != nil {
		return err
	}
	return c.trim()
}

// maxCached is how many files the cache keeps: a node runs far fewer
// different sets of policies at a time, and one that is gone costs a
// compilation.
const maxCached = 512

// trim removes the oldest files above maxCached. Another process may do the
// same at the same time.
func (c cache) trim() error {
	entries, err := os.ReadDir(string(c))
	if err != nil || len(entries) <= maxCached {
		return err
	}
	age := make(map[string]time.Time, len(entries))
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			age[e.Name()] = info.ModTime()
		}
	}
	slices.SortFunc(entries, func(x, y os.DirEntry) int { return age[x.Name()].Compare(age[y.Name()]) })
	for _, e := range entries[:len(entries)-maxCached] {
		if err := os.Remove(filepath.Join(string(c), e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("AppArmor cache: %w", err)
		}
	}
	return nil
}

// features is the path of a file that says what profiles are compiled for.
func (c cache) features() (string, error) {
	sum := sha256.Sum256([]byte(base.Features))
	name := "features-" + hex.EncodeToString(sum[:8])
	path := filepath.Join(string(c), name)
	if data, err := os.ReadFile(path); err == nil && string(data) == base.Features {
		return path, nil
	}
	return path, c.keep(name, []byte(base.Features))
}

// keep writes a file, whole or not at all.
func (c cache) keep(name string, data []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("AppArmor cache: %w", err)
		}
	}()
	if err := os.MkdirAll(string(c), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(string(c), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(string(c), name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
