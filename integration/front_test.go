//go:build integration

package integration

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestStartActionLeavesNoServer has containerd's start action fail when the
// process that is to serve the container runs already: the answer about the
// container's labels cannot be written. The process must not stay.
func TestStartActionLeavesNoServer(t *testing.T) {
	leaveTo(t, native)
	n := newNode(t)
	const id = "no-server"
	start := func(obstacles ...string) (bundle, output string, err error) {
		bundle = t.TempDir()
		if err := os.WriteFile(filepath.Join(bundle, "config.json"), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, o := range obstacles {
			if err := os.Mkdir(filepath.Join(bundle, o), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		// The process that serves stays only where it can log, and tell containerd of events.
		log := filepath.Join(bundle, "log")
		if err := unix.Mkfifo(log, 0o600); err != nil {
			t.Fatal(err)
		}
		reader, err := os.OpenFile(log, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { reader.Close() })
		cmd := exec.Command(filepath.Join(shared.Bin, "containerd-shim-prearm-v1"),
			"-namespace", "default", "-id", id, "-address", n.Daemon.Address, "start")
		cmd.Dir = bundle
		cmd.Env = append(os.Environ(), "TTRPC_ADDRESS="+n.Daemon.Address+".ttrpc", "GRPC_ADDRESS="+n.Daemon.Address, "NAMESPACE=default")
		cmd.Stdin = strings.NewReader("")
		out, err := cmd.CombinedOutput()
		return bundle, string(out), err
	}

	bundle, output, err := start("prearm-subject", "prearm-subject-error")
	if err == nil || !strings.Contains(output, "prearm-subject") {
		t.Errorf("start ended with %v: %s", err, output)
	}
	if pids := serving(t, id); len(pids) > 0 {
		t.Errorf("left behind: processes %v", pids)
	}
	address, err := os.ReadFile(filepath.Join(bundle, "address"))
	if err != nil {
		t.Fatal(err)
	}
	socket := strings.TrimPrefix(string(address), "unix://")
	if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left behind: %s (%v)", socket, err)
	}

	// Without the obstacle the process is there; its shutdown is the test's.
	if _, output, err := start(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	pids := serving(t, id)
	if len(pids) != 1 {
		t.Fatalf("processes that serve: %v", pids)
	}
	if err := pids[0].Kill(); err != nil {
		t.Error(err)
	}
	if err := os.Remove(socket); err != nil {
		t.Error(err)
	}
}

// serving finds the processes that serve container id and have not ended.
func serving(t *testing.T, id string) []*os.Process {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []*os.Process
	for _, f := range files {
		args, err := os.ReadFile(f)
		if err != nil || !bytes.Contains(args, []byte("prearm-shim\x00")) || !bytes.Contains(args, []byte("-id\x00"+id+"\x00")) {
			continue // ended, which empties a command line, or another
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if err != nil {
			t.Fatal(err)
		}
		p, err := os.FindProcess(pid)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, p)
	}
	return found
}
