package bpf

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// MaxCells bounds an image, in cells of 8 bytes: 128 MiB, which the kernel
// holds once for all containers of a policy.
const MaxCells = 16 << 20

// batch is how many cells are written at once.
const batch = 64 << 10

// PutImage makes cells the ruleset of digest, for this version of the guard. If
// there is one it stays: a digest names one image for ever. The image cannot be
// changed once it is there.
func (g *Guard) PutImage(digest Digest, cells []uint64) error {
	if err := g.putImage(digest, cells); err != nil {
		return fmt.Errorf("put image %x: %w", digest, err)
	}
	return nil
}

func (g *Guard) putImage(digest Digest, cells []uint64) error {
	if digest == (Digest{}) {
		return errors.New("the zero digest stands for a container without ruleset")
	}
	if n := len(cells); n == 0 || n > MaxCells {
		return fmt.Errorf("the ruleset takes %d bytes; an image has 8 to %d, so that it is %d too large: write fewer rules or patterns", 8*n, 8*MaxCells, 8*max(n-MaxCells, 0))
	}
	image, err := newImage(cells)
	if err != nil {
		return fmt.Errorf("an array of %d bytes: %w", 8*len(cells), err)
	}
	defer unix.Close(image)
	unlock, err := g.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return withPin(g.pin(mapImages), func(m int) error {
		fd := fd32(image)
		err := update(m, &digest, &fd, ebpf.UpdateNoExist)
		if errors.Is(err, unix.EEXIST) {
			return nil
		}
		return err
	})
}

// newImage is a map of cells that nobody can write to any more.
func newImage(cells []uint64) (fd int, err error) {
	m, err := createMap(ebpf.Array, 8, uint32(len(cells)), unix.BPF_F_INNER_MAP)
	if err != nil {
		return -1, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, unix.Close(m))
		}
	}()
	keys := make([]uint32, min(len(cells), batch))
	for at := 0; at < len(cells); at += batch {
		part := cells[at:min(at+batch, len(cells))]
		for i := range part {
			keys[i] = uint32(at + i)
		}
		if err := updateAll(m, keys, part); err != nil {
			return -1, err
		}
	}
	return m, freeze(m)
}

// HasImage says whether this version of the guard has an image of digest.
func (g *Guard) HasImage(digest Digest) (bool, error) {
	has := false
	err := withPin(g.pin(mapImages), func(m int) error {
		var id uint32
		err := lookup(m, &digest, &id)
		has = err == nil
		if errors.Is(err, unix.ENOENT) {
			return nil
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("look for image %x: %w", digest, err)
	}
	return has, nil
}

// DropImage removes the image of digest from every version; none is there is
// no error. It fails with ErrInUse while a container is armed with it.
func (g *Guard) DropImage(digest Digest) error {
	unlock, err := g.lock()
	if err != nil {
		return err
	}
	defer unlock()
	versions, err := g.versions()
	if err != nil {
		return fmt.Errorf("drop image %x: %w", digest, err)
	}
	for _, v := range versions {
		if err := g.dropFrom(v, digest); err != nil {
			return fmt.Errorf("drop image %x: %w", digest, err)
		}
	}
	return nil
}

func (g *Guard) dropFrom(version string, digest Digest) error {
	dir := filepath.Join(g.base, version, linksDir)
	links, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, l := range links {
		for _, name := range []string{linkRuleset, linkNext} {
			got, err := os.Readlink(filepath.Join(dir, l.Name(), name))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if got == hexOf(digest) {
				return ErrInUse
			}
		}
	}
	return withPin(filepath.Join(g.base, version, mapImages), func(m int) error {
		if err := remove(m, &digest); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
		return nil
	})
}

// Images lists the digests that this version has images of, in no order.
func (g *Guard) Images() ([]Digest, error) {
	m, err := ebpf.LoadPinnedMap(g.pin(mapImages), nil)
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	defer m.Close()
	var all []Digest
	var digest Digest
	var id uint32
	entries := m.Iterate()
	for entries.Next(&digest, &id) {
		all = append(all, digest)
	}
	return all, entries.Err()
}

func hexOf(d Digest) string { return hex.EncodeToString(d[:]) }
