package format

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func sample() []Source {
	return []Source{
		{Name: ".", Stamp: Stamp{Dev: 1, Ino: 2, Size: 3, MTime: -4, CTime: 5}},
		{Name: "a.yaml", Flags: HasGood, Blobs: []Blob{
			{Kind: Policy, Head: []byte(`{"name":"a"}`), Body: []byte(`[]`), Keys: []uint64{Key("ns", "", ""), 7, 7}},
			{Kind: Report, Head: []byte(`[]`)},
		}},
		{Name: "b.yaml", Flags: Racy, Stamp: Stamp{Ino: 1 << 63}, Blobs: []Blob{
			{Kind: Sum, Head: bytes.Repeat([]byte{1}, 32)},
			{Kind: Policy, Head: []byte(`{"name":"b"}`), Keys: []uint64{7}},
		}},
	}
}

func written(t testing.TB, sources []Source) []byte {
	var b bytes.Buffer
	if err := Write(&b, "/policies", [16]byte{9}, sources); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func open(t testing.TB, data []byte) (*Index, error) {
	path := filepath.Join(t.TempDir(), "index")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	x, err := Open(path)
	if err == nil {
		t.Cleanup(func() { x.Close() })
	}
	return x, err
}

// read takes everything out of an index again, in one way or the other.
func read(x *Index) ([]Source, error) {
	var sources []Source
	for i := range int(x.Files) {
		f, err := x.File(i)
		if err != nil {
			return nil, err
		}
		s := Source{Name: f.Name, Stamp: f.Stamp, Flags: f.Flags}
		for j := f.First; j < f.First+f.Count; j++ {
			e, err := x.Entry(j)
			if err != nil {
				return nil, err
			}
			head, body, err := x.Blob(e)
			if err != nil {
				return nil, err
			}
			s.Blobs = append(s.Blobs, Blob{Kind: e.Kind, Head: head, Body: body})
		}
		sources = append(sources, s)
	}
	return sources, nil
}

func TestRoundTrip(t *testing.T) {
	x, err := open(t, written(t, sample()))
	if err != nil {
		t.Fatal(err)
	}
	got, err := read(x)
	if err != nil {
		t.Fatal(err)
	}
	want := sample()
	for i := range want {
		for j := range want[i].Blobs {
			want[i].Blobs[j].Keys = nil
		}
	}
	// Empty and missing parts are the same.
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s\nnot\n%s", g, w)
	}
	if x.Folder() != "/policies" || x.Builder != [16]byte{9} || x.Racy != 1 {
		t.Errorf("%s %+v", x.Folder(), x.Header)
	}
	for key, want := range map[uint64]string{7: "[0 3]", Key("ns", "", ""): "[0]", 8: "[]", 0: "[]", 1<<64 - 1: "[]"} {
		if got := fmt.Sprint(x.Find(nil, key)); got != want {
			t.Errorf("under %d: %s, not %s", key, got, want)
		}
	}
}

// TestKeys: the parts of a key do not run into one another.
func TestKeys(t *testing.T) {
	seen := map[uint64]string{}
	for _, k := range [][3]string{{}, {"a"}, {"", "a"}, {"", "", "a"}, {"a", "b"}, {"ab"}, {"", "ab"}, {"a", "", "b"}, {"", "a", "b"}, {"a", "b", "c"}, {"a", "bc"}} {
		h := Key(k[0], k[1], k[2])
		if other, ok := seen[h]; ok {
			t.Errorf("%q and %s have one hash", k, other)
		}
		seen[h] = fmt.Sprintf("%q", k)
	}
}

// TestDamage: each byte of an index that changes, and each byte that is
// missing, is noticed, by Open or by reading what it is part of.
func TestDamage(t *testing.T) {
	good := written(t, sample())
	damaged := func(what string, data []byte) {
		t.Helper()
		x, err := open(t, data)
		if err == nil {
			_, err = read(x)
		}
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		damaged(fmt.Sprintf("byte %d", i), bad)
		damaged(fmt.Sprintf("%d bytes", i), good[:i])
	}
	damaged("another byte", append(bytes.Clone(good), 0))
}

func TestOthersCanWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index")
	if err := os.WriteFile(path, written(t, sample()), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, ok := range map[os.FileMode]bool{0o600: true, 0o644: true, 0o660: false, 0o602: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		x, err := Open(path)
		if (err == nil) != ok {
			t.Errorf("mode %o: %v", mode, err)
		}
		if err == nil {
			x.Close()
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrDamaged) {
		t.Errorf("another user's: %v", err)
	}
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrDamaged) {
		t.Errorf("a folder: %v", err)
	}
}

// FuzzIndex: whatever an index says, also with the right checksums, reading it
// ends in an answer or in ErrDamaged.
func FuzzIndex(f *testing.F) {
	good := written(f, sample())
	f.Add(good, true)
	f.Add(good[:len(good)-1], true)
	f.Add(good[:headerSize], true)
	f.Add(written(f, sample()[:1]), true)
	f.Fuzz(func(t *testing.T, data []byte, mend bool) {
		data = bytes.Clone(data)
		if mend && len(data) >= headerSize {
			var h Header
			h.decode(data)
			h.Size = uint64(len(data))
			h.encode(data)
			if n := headerSize + h.tables(); n <= uint64(len(data)) {
				order.PutUint32(data[12:], checksum(data[:n]))
			}
		}
		x, err := open(t, data)
		if err == nil {
			_ = x.Folder()
			for key := range uint64(10) {
				for _, i := range x.Find(nil, key) {
					if _, err = x.Entry(i); err != nil {
						break
					}
				}
			}
			_, err = read(x)
		}
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Error(err)
		}
	})
}
