//go:build integration

package integration

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// prober is a process of the fixture's prober, which tries what it is asked.
type prober struct {
	*testing.T
	socket *os.File
	pid    int
}

// startProber starts one in the cgroup. It lies outside, until it is told to
// enclose itself or to join another.
func startProber(t *testing.T, program, cgroup string) *prober {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	// Far longer than any act takes: a prober that is stuck fails the test.
	patience := unix.NsecToTimeval(int64(2 * time.Minute))
	if err := unix.SetsockoptTimeval(pair[0], unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience); err != nil {
		t.Fatal(err)
	}
	p := &prober{T: t, socket: os.NewFile(uintptr(pair[0]), "prober")}
	far := os.NewFile(uintptr(pair[1]), "prober's end")
	defer far.Close()
	group, err := os.Open(cgroup)
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	cmd := exec.Command(program)
	cmd.Stdin, cmd.Stderr = far, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(group.Fd())}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.pid = cmd.Process.Pid
	t.Cleanup(func() {
		p.tell("end")
		if err := cmd.Wait(); err != nil {
			t.Errorf("the prober ends badly: %v", err)
		}
		if err := p.socket.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *prober) tell(request string) {
	p.Helper()
	if err := unix.Send(int(p.socket.Fd()), []byte(request), 0); err != nil {
		p.Fatalf("ask a prober: %v", err)
	}
}

func (p *prober) hear() syscall.Errno {
	p.Helper()
	var answer [64]byte
	n, _, err := unix.Recvfrom(int(p.socket.Fd()), answer[:], 0)
	for errors.Is(err, unix.EINTR) { // by a signal of the Go runtime's
		n, _, err = unix.Recvfrom(int(p.socket.Fd()), answer[:], 0)
	}
	if err != nil || n == 0 {
		p.Fatalf("a prober does not answer: %v", err)
	}
	errno, err := strconv.Atoi(string(answer[:n]))
	if err != nil {
		p.Fatal(err)
	}
	return syscall.Errno(errno)
}

// tries gives how what is asked ended.
func (p *prober) tries(request string) syscall.Errno {
	p.Helper()
	p.tell(request)
	return p.hear()
}

// does is what must succeed.
func (p *prober) does(act, object, other string) {
	p.Helper()
	if errno := p.tries(act + "\t0\t" + object + "\t" + other); errno != 0 {
		p.Fatalf("%s %s %s: %v", act, object, other, errno)
	}
}

// newCgroup is a cgroup of version 2, until the test ends.
func newCgroup(t *testing.T) string {
	t.Helper()
	for _, at := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if !exists(filepath.Join(at, "cgroup.controllers")) {
			continue
		}
		dir, err := os.MkdirTemp(at, "prearm-agreement-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.Remove(dir); err != nil {
				t.Error(err)
			}
		})
		return dir
	}
	t.Fatal("no cgroup of version 2 is mounted")
	return ""
}

// rootMount is the id of the mount that is a process's root.
func rootMount(pid int) (uint32, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, fmt.Sprintf("/proc/%d/root", pid), 0, unix.STATX_MNT_ID, &st); err != nil {
		return 0, fmt.Errorf("the root mount of process %d: %w", pid, err)
	}
	return uint32(st.Mnt_id), nil
}

// userNS is the inode number of a process's user namespace.
func userNS(pid int) (uint32, error) {
	var st unix.Stat_t
	if err := unix.Stat(fmt.Sprintf("/proc/%d/ns/user", pid), &st); err != nil {
		return 0, fmt.Errorf("the user namespace of process %d: %w", pid, err)
	}
	return uint32(st.Ino), nil
}
