package bpf

import (
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/translate/model"
)

// act is one system call that the victim is asked to do.
type act struct {
	Call    string       // socket, try (socket, and close it), connect, sendto, bind, close, or of guardacts_test.go
	Socket  model.Socket // socket
	FD      int          // connect, sendto, bind, close
	Address netip.AddrPort
	Path    string
	To      string
}

// outcome is what came of it.
type outcome struct {
	Errno syscall.Errno
	FD    int            // socket
	Bound netip.AddrPort // bind
}

// victim is a process that stands for a container's: in a cgroup, in a
// network namespace of its own with nothing but loopback, doing what it is
// told, one system call at a time.
type victim struct {
	t   *testing.T
	pid int
	in  *json.Encoder
	out *json.Decoder
}

// start puts a victim into the cgroup. Files are its descriptors from 3 on.
func start(t *testing.T, cgroup string, files ...*os.File) *victim {
	t.Helper()
	return startAs(t, "/proc/self/exe", cgroup, files...)
}

// startAs starts a victim from a copy of this program.
func startAs(t *testing.T, program, cgroup string, files ...*os.File) *victim {
	t.Helper()
	return startWith(t, cgroup, func(cmd *exec.Cmd) {
		cmd.Path = program
		cmd.ExtraFiles = files
	})
}

// startWith starts a victim from a command that change has changed.
func startWith(t *testing.T, cgroup string, change func(*exec.Cmd)) *victim {
	t.Helper()
	dir, err := os.Open(cgroup)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	cmd := exec.Command("/proc/self/exe")
	// The race detector sleeps a second at exit otherwise.
	cmd.Env = append(os.Environ(), victimEnv+"=1", "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		UseCgroupFD: true,
		CgroupFD:    int(dir.Fd()),
		Cloneflags:  unix.CLONE_NEWNET,
		Pdeathsig:   unix.SIGKILL,
	}
	change(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error("victim:", err)
		}
	})
	return &victim{t: t, pid: cmd.Process.Pid, in: json.NewEncoder(in), out: json.NewDecoder(out)}
}

// move puts the victim into another cgroup.
func (v *victim) move(cgroup string) {
	v.t.Helper()
	if err := os.WriteFile(filepath.Join(cgroup, "cgroup.procs"), []byte(strconv.Itoa(v.pid)), 0); err != nil {
		v.t.Fatal(err)
	}
}

// do has the victim act and returns what came of each act.
func (v *victim) do(acts ...act) []outcome {
	v.t.Helper()
	if err := v.in.Encode(acts); err != nil {
		v.t.Fatal(err)
	}
	var outcomes []outcome
	if err := v.out.Decode(&outcomes); err != nil {
		v.t.Fatal(err)
	}
	return outcomes
}

// socket makes a socket, which must be permitted.
func (v *victim) socket(family, typ, protocol int) int {
	v.t.Helper()
	o := v.do(act{Call: "socket", Socket: model.Socket{Family: family, Type: typ, Protocol: protocol}})[0]
	if o.Errno != 0 {
		v.t.Fatalf("socket(%d, %d, %d): %v", family, typ, protocol, o.Errno)
	}
	return o.FD
}

// tries makes a socket and closes it again.
func (v *victim) tries(family, typ, protocol int) syscall.Errno {
	v.t.Helper()
	return v.do(act{Call: "try", Socket: model.Socket{Family: family, Type: typ, Protocol: protocol}})[0].Errno
}

// outcomesOf makes every socket and closes it again.
func outcomesOf(v *victim, sockets []model.Socket) []syscall.Errno {
	acts := make([]act, len(sockets))
	for i, s := range sockets {
		acts[i] = act{Call: "try", Socket: s}
	}
	errnos := make([]syscall.Errno, len(sockets))
	for i, o := range v.do(acts...) {
		errnos[i] = o.Errno
	}
	return errnos
}

// serve is the victim's side.
func serve() {
	if err := loopback(); err != nil {
		panic(err)
	}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var acts []act
		if err := in.Decode(&acts); errors.Is(err, io.EOF) {
			os.Exit(0)
		} else if err != nil {
			panic(err)
		}
		outcomes := make([]outcome, len(acts))
		for i, a := range acts {
			outcomes[i] = a.run()
		}
		if err := out.Encode(outcomes); err != nil {
			panic(err)
		}
	}
}

// loopback brings the namespace's only interface up and lets everyone make
// ping sockets.
func loopback() error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req); err != nil {
		return err
	}
	return os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("0 2147483647"), 0)
}

func (a act) run() (o outcome) {
	var err error
	switch a.Call {
	case "socket":
		o.FD, err = unix.Socket(a.Socket.Family, a.Socket.Type|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, a.Socket.Protocol)
	case "try":
		var fd int
		if fd, err = unix.Socket(a.Socket.Family, a.Socket.Type|unix.SOCK_CLOEXEC, a.Socket.Protocol); err == nil {
			err = unix.Close(fd)
		}
	case "connect":
		err = unix.Connect(a.FD, sockaddr(a.Address))
		if errors.Is(err, unix.EINPROGRESS) {
			err = nil
		}
	case "sendto":
		// What an echo request begins with, so that ping sockets send it.
		request := []byte{8, 0, 0, 0, 0, 0, 0, 0}
		if a.Address.Addr().Is6() {
			request[0] = 128
		}
		if a.Address.IsValid() {
			err = unix.Sendto(a.FD, request, 0, sockaddr(a.Address))
		} else {
			_, err = unix.Write(a.FD, request)
		}
	case "bind":
		if err = unix.Bind(a.FD, sockaddr(a.Address)); err == nil {
			var name unix.Sockaddr
			if name, err = unix.Getsockname(a.FD); err == nil {
				switch name := name.(type) {
				case *unix.SockaddrInet4:
					o.Bound = netip.AddrPortFrom(netip.AddrFrom4(name.Addr), uint16(name.Port))
				case *unix.SockaddrInet6:
					o.Bound = netip.AddrPortFrom(netip.AddrFrom16(name.Addr), uint16(name.Port))
				}
			}
		}
	case "close":
		err = unix.Close(a.FD)
	default:
		o, err = a.more()
	}
	if err != nil && !errors.As(err, &o.Errno) {
		panic(err)
	}
	return o
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}
