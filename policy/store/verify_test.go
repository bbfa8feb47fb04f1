package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy/store/internal/format"
	"github.com/prearm/prearm/policy/store/internal/scan"
)

// TestRacy: a file whose times prove nothing is compared by its content, until
// the kernel's clock has moved on and it can be indexed for good.
func TestRacy(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.yaml")
	if err := os.WriteFile(path, []byte("one"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	folder, err := scan.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	sum := func(text string) []byte { s := sha256.Sum256([]byte(text)); return s[:] }
	unreadable := make([]byte, sha256.Size)
	const early, late = 0, math.MaxInt64
	for name, test := range map[string]struct {
		listing, content []byte // as indexed; nil: the stamp is proof
		pipe             []byte // which cannot be read
		now              int64
		fresh            bool
	}{
		"proof":                          {nil, nil, nil, late, true},
		"the same content":               {nil, sum("one"), nil, early, true},
		"other content":                  {nil, sum("two"), nil, early, false},
		"the same content, later":        {nil, sum("one"), nil, late, false},
		"the same listing":               {sum("a.yaml"), nil, nil, early, true},
		"another listing":                {sum("a.yaml\x00b.yaml"), nil, nil, early, false},
		"the same listing, later":        {sum("a.yaml"), nil, nil, late, false},
		"unreadable then and now":        {nil, nil, unreadable, late, true},
		"unreadable now":                 {nil, nil, sum("one"), early, false},
		"unreadable then, not now":       {nil, unreadable, nil, early, false},
		"unreadable then, not now, late": {nil, unreadable, nil, late, false},
	} {
		t.Run(name, func(t *testing.T) {
			source := func(name string, sum []byte) format.Source {
				s := format.Source{Name: name, Stamp: folder.Stamp(append([]byte(name), 0))}
				if sum != nil {
					s.Flags, s.Blobs = format.Racy, []format.Blob{{Kind: format.Sum, Head: sum}}
				}
				return s
			}
			var b bytes.Buffer
			if err := format.Write(&b, dir, [16]byte{}, []format.Source{source(".", test.listing), source("a.yaml", test.content), source("pipe", test.pipe)}); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "index")
			if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			index, err := format.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer index.Close()
			err = verify(folder, index, test.now)
			if test.fresh && err != nil || !test.fresh && !errors.Is(err, ErrStale) {
				t.Error(err)
			}
		})
	}
}
