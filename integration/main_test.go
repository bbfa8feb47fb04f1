//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// suite is what all tests share.
type suite struct {
	Surroundings
	*Daemon
	fixture string // image
	busybox string // image
	cri     *CRI   // of the tests that drive pods; nil until the first of them

	visiting bool // the Daemon is not the machine's own
}

var shared *suite

func TestMain(m *testing.M) {
	begin := Enclose
	if Enclosed() {
		begin = func() (int, error) { return run(m) }
	}
	code, err := begin()
	if err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	s := new(suite)
	if s.Surroundings, err = Look(); err != nil {
		return 1, err
	}
	if s.Daemon, err = StartDaemon(s.Bin); err != nil {
		return 1, err
	}
	s.Daemon.Enforcer = s.Surroundings.Enforcer
	defer func() {
		if e := s.Stop(); err == nil {
			err = e
		}
	}()
	s.fixture = filepath.Join(s.Scratch, "images/fixture")
	if err := FixtureImage(s.Fixture, s.fixture); err != nil {
		return 1, err
	}
	s.busybox = filepath.Join(s.Scratch, "images/busybox")
	if err := BusyboxImage(s.Fixture, s.busybox); err != nil {
		return 1, err
	}
	shared = s
	defer func() {
		if s.cri == nil {
			return
		}
		if e := s.cri.Stop(); err == nil {
			err = e
		}
	}()
	return m.Run(), nil
}
