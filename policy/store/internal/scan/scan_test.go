package scan

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/store/internal/format"
)

func TestSettled(t *testing.T) {
	const second = int64(1e9)
	for _, test := range []struct {
		ctime, now int64
		want       bool
	}{
		{10*second + 123456789, 10*second + 123456789, false}, // the same tick
		{10*second + 123456789, 10*second + 127456789, true},
		{10*second + 127456789, 10*second + 123456789, false}, // the clock was put back
		{10 * second, 11*second - 1, false},                   // whole seconds, or twos
		{10 * second, 11*second + 999999999, false},
		{10 * second, 12 * second, true},
		{11 * second, 12 * second, true},            // twos would have said 10
		{10*second + 5000, 10*second + 5999, false}, // microseconds
		{10*second + 5000, 10*second + 6000, true},
		{10 * second, 0, false}, // no clock
	} {
		if got := Settled(format.Stamp{CTime: test.ctime}, test.now); got != test.want {
			t.Errorf("changed at %d, read at %d: %v", test.ctime, test.now, got)
		}
	}
}

// TestNow: a change that is made after Now has been asked is not stamped
// earlier, which is what Settled rests on.
func TestNow(t *testing.T) {
	dir := t.TempDir()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	f, err := os.Create(filepath.Join(dir, "a.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range 2000 {
		now := Now()
		if _, err := f.WriteAt([]byte{byte(i)}, 0); err != nil {
			t.Fatal(err)
		}
		if s := d.Stamp([]byte("a.yaml\x00")); s.CTime < now {
			t.Fatalf("stamped %d ns before", now-s.CTime)
		}
	}
}

func TestStamp(t *testing.T) {
	dir := t.TempDir()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if s := d.Stamp([]byte("a.yaml\x00")); s != (format.Stamp{}) {
		t.Errorf("of nothing: %+v", s)
	}
	path := filepath.Join(dir, "a.yaml")
	if err := os.WriteFile(path, []byte("12345"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := d.Stamp([]byte("a.yaml\x00"))
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	if s.Dev != st.Dev || s.Ino != st.Ino || s.Size != 5 || s.MTime != st.Mtim.Nano() || s.CTime != st.Ctim.Nano() {
		t.Errorf("%+v, not %+v", s, st)
	}
	self := d.Stamp(Self)
	if err := os.WriteFile(path, []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	if d.Stamp(Self) != self {
		t.Error("an edit in place moved the folder's stamp")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if d.Stamp(Self) == self {
		t.Error("a removal did not move the folder's stamp")
	}
}

func TestNamesAndRead(t *testing.T) {
	dir := t.TempDir()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, name := range []string{"b.yaml", "a.yml", "c.json", ".hidden.yaml", "..data", "x.yaml~", "README", "yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		names, err := d.Names()
		if err != nil || fmt.Sprint(names) != "[a.yml b.yaml c.json]" {
			t.Errorf("%v, %v", names, err)
		}
	}
	if data, err := d.Read("a.yml"); err != nil || string(data) != "a.yml" {
		t.Errorf("%s, %v", data, err)
	}
	if err := unix.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pipe", "."} {
		if _, err := d.Read(name); !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Truncate(filepath.Join(dir, "README"), 1<<40); err != nil {
		t.Fatal(err)
	}
	if data, err := d.Read("README"); err != nil || len(data) != policy.MaxFileSize+1 {
		t.Errorf("%d bytes of a terabyte, %v", len(data), err)
	}
}
