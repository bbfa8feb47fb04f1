//go:build kernel

package bpf

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	// insideEnv makes this program a runtime's init ("enter"), what that
	// executes ("serve"), or a process for one act ("act").
	insideEnv = "PREARM_TEST_INSIDE"
	// outsideRoot is the folder that becomes the container's root.
	outsideRoot = "PREARM_TEST_ROOT"
	actor       = "/bin/actor" // this program, in the container
)

func init() {
	switch os.Getenv(insideEnv) {
	case "enter":
		enterRoot()
	case "serve":
		serveActs()
	case "act":
		finish(perform(os.Args[1:]))
	case "nothing":
		os.Exit(0)
	}
}

// enterRoot does as runtimes do: with the root as its root, it says which mount
// that is, waits, and executes a file of the container.
func enterRoot() {
	if err := pivot(os.Getenv(outsideRoot)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, "/", 0, unix.STATX_MNT_ID, &st); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(st.Mnt_id)
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		os.Exit(1)
	}
	err := unix.Exec(actor, []string{actor}, []string{insideEnv + "=serve"})
	fmt.Println(number(err)) // instead of the greeting
	os.Exit(0)
}

func pivot(root string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	for _, m := range [][3]string{{root, root, ""}, {"proc", root + "/proc", "proc"}, {"cgroup2", root + "/cgroup", "cgroup2"}} {
		flags := uintptr(0)
		if m[2] == "" {
			flags = unix.MS_BIND
		}
		if err := unix.Mount(m[0], m[1], m[2], flags, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m[1], err)
		}
	}
	if err := unix.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	return unix.Unmount(".", unix.MNT_DETACH)
}

// serveActs does the acts that come on stdin, each as a list of words.
func serveActs() {
	fmt.Println(0)
	acts := json.NewDecoder(os.Stdin)
	for {
		var words []string
		if acts.Decode(&words) != nil {
			os.Exit(0)
		}
		fmt.Println(number(perform(words)))
	}
}

// number is the errno of an error; one that is none is the test's own fault.
func number(err error) int {
	var errno unix.Errno
	if err != nil && !errors.As(err, &errno) {
		fmt.Fprintln(os.Stderr, err)
		return -1
	}
	return int(errno)
}

func finish(err error) {
	fmt.Println(number(err))
	os.Exit(0)
}

// inside is a process in a root and a cgroup of its own.
type inside struct {
	t       *testing.T
	in      io.WriteCloser
	out     *bufio.Reader
	started unix.Errno // what came of its first exec inside
}

// newRoot is a folder that can be a container's root.
func newRoot(t *testing.T) string {
	t.Helper()
	root, err := os.MkdirTemp("/tmp", "root")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"bin", "dev", "proc", "cgroup"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mknod(filepath.Join(root, os.DevNull), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, actor), program, 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

// enter starts a process inside root; with an image, it is armed as soon as it
// is inside. The key of the container is the test's name.
func enter(t *testing.T, root string, image []uint64, admitFirst bool) *inside {
	t.Helper()
	cgroup := newCgroup(t)
	dir, err := os.Open(cgroup)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{insideEnv + "=enter", outsideRoot + "=" + root}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd()), Unshareflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
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
	p := &inside{t: t, in: in, out: bufio.NewReader(out)}
	t.Cleanup(func() {
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			t.Error(err)
		}
	})
	mount := p.answer()
	if image != nil {
		digest := digestOf(t.Name())
		g := kernelGuard(t)
		if err := g.PutImage(digest, image); err != nil {
			t.Fatal(err)
		}
		container := Container{Cgroup: cgroup, RootMount: uint32(mount), UserNS: 1, AdmitFirst: admitFirst, Ruleset: digest}
		if err := g.Arm(t.Name(), container); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := g.Disarm(t.Name()); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := in.Write([]byte{0}); err != nil {
		t.Fatal(err)
	}
	p.started = unix.Errno(p.answer())
	return p
}

func (p *inside) answer() int {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// try does an act inside.
func (p *inside) try(act string) unix.Errno {
	p.t.Helper()
	if err := json.NewEncoder(p.in).Encode(strings.Fields(act)); err != nil {
		p.t.Fatal(err)
	}
	n := p.answer()
	if n < 0 {
		p.t.Errorf("%.100s: could not be tried", act)
	}
	return unix.Errno(n)
}

// perform does an act, or has a process or a circumstance do it.
func perform(w []string) error {
	switch w[0] {
	case "child":
		return child(nil, w[1:])
	case "as": // a process of another executable
		return run(w[1], nil, w[2:])
	case "orphan": // of a process that has ended
		return child(nil, append([]string{"abandon"}, w[1:]...))
	case "abandon":
		return abandon(w[1:])
	case "await":
		if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
			return err
		}
		return perform(w[1:])
	case "namespaces":
		return child(&syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWCGROUP}, w[1:])
	case "user":
		ids := []syscall.SysProcIDMap{{HostID: 0, ContainerID: 0, Size: 1}}
		return child(&syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS, UidMappings: ids, GidMappings: ids}, w[1:])
	case "cgroup":
		return inCgroup(w[1:])
	case "chroot":
		if err := unix.Chroot(w[1]); err != nil {
			return err
		}
		return perform(w[2:])
	case "chdir":
		if err := unix.Chdir(w[1]); err != nil {
			return err
		}
		return perform(w[2:])
	case "bind":
		if err := unix.Mount(w[1], w[2], "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return err
		}
		return perform(w[3:])
	case "tmpfs":
		if err := unix.Mount("tmpfs", w[1], "tmpfs", 0, ""); err != nil {
			return err
		}
		return perform(w[2:])
	case "overlay":
		options := "lowerdir=" + w[1] + ",upperdir=/scratch/up,workdir=/scratch/work"
		for _, dir := range []string{"/scratch/up", "/scratch/work"} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
		}
		if err := unix.Mount("overlay", w[2], "overlay", 0, options); err != nil {
			return err
		}
		return perform(w[3:])
	case "lazy": // in a tree that was unmounted meanwhile
		dir, err := unix.Open(w[1], unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			return err
		}
		if err := unix.Unmount(w[1], unix.MNT_DETACH); err != nil {
			return err
		}
		return closing(unix.Openat(dir, w[2], unix.O_RDONLY, 0))
	case "detached": // in a copy of a tree that is mounted nowhere
		dir, err := unix.OpenTree(unix.AT_FDCWD, w[1], unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if err != nil {
			return err
		}
		return closing(unix.Openat(dir, w[2], unix.O_RDONLY, 0))
	}
	return access(w)
}

// access is one system call, or what stands for one.
func access(w []string) error {
	const all = 0o777
	switch w[0] {
	case "read":
		return closing(unix.Open(w[1], unix.O_RDONLY, 0))
	case "write":
		return closing(unix.Open(w[1], unix.O_WRONLY, 0))
	case "append":
		return closing(unix.Open(w[1], unix.O_WRONLY|unix.O_APPEND, 0))
	case "cut":
		return closing(unix.Open(w[1], unix.O_RDONLY|unix.O_TRUNC, 0))
	case "create":
		return closing(unix.Open(w[1], unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, all))
	case "reopen":
		f, err := unix.Open(w[1], unix.O_PATH, 0)
		if err != nil {
			return err
		}
		return closing(unix.Open(fmt.Sprintf("/proc/self/fd/%d", f), unix.O_RDONLY, 0))
	case "far": // a path longer than the kernel takes at once
		return far(w[1])
	case "truncate":
		return unix.Truncate(w[1], 0)
	case "mkdir":
		return unix.Mkdir(w[1], all)
	case "mknod":
		return unix.Mknod(w[1], unix.S_IFIFO|all, 0)
	case "symlink":
		return unix.Symlink("x", w[1])
	case "unlink":
		return unix.Unlink(w[1])
	case "rmdir":
		return unix.Rmdir(w[1])
	case "rename":
		return unix.Rename(w[1], w[2])
	case "exchange":
		return unix.Renameat2(unix.AT_FDCWD, w[1], unix.AT_FDCWD, w[2], unix.RENAME_EXCHANGE)
	case "link":
		return unix.Link(w[1], w[2])
	case "chmod":
		return unix.Chmod(w[1], all)
	case "chown":
		return unix.Chown(w[1], 1, 1)
	case "stat":
		return unix.Stat(w[1], new(unix.Stat_t))
	case "connect":
		return connect(w[1], w[2])
	case "exec":
		return execute(w[1])
	case "memfd":
		return memfd()
	case "map":
		return mapped(w[1], unix.PROT_READ|unix.PROT_EXEC)
	case "protect":
		return mapped(w[1], unix.PROT_READ)
	}
	return fmt.Errorf("unknown act %q", w[0])
}

func closing(fd int, err error) error {
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// child has a child of this process perform an act.
func child(attr *syscall.SysProcAttr, w []string) error {
	return run("/proc/self/exe", attr, w)
}

func run(program string, attr *syscall.SysProcAttr, w []string) error {
	cmd := exec.Command(program, w...)
	cmd.Env = []string{insideEnv + "=act"}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = attr
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil || n == 0 {
		return err
	}
	if n < 0 {
		return errors.New("in a child")
	}
	return unix.Errno(n)
}

// abandon ends before its child has done the act, which answers instead.
func abandon(w []string) error {
	gone, alive, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd := exec.Command("/proc/self/exe", append([]string{"await"}, w...)...)
	cmd.Env = []string{insideEnv + "=act"}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = gone, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	runtime.KeepAlive(alive) // it is closed by the end of this process
	os.Exit(0)
	return nil
}

// inCgroup performs an act in a cgroup below this process's.
func inCgroup(w []string) error {
	data, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return err
	}
	_, path, _ := strings.Cut(strings.TrimSpace(string(data)), "0::")
	dir := filepath.Join("/cgroup", path, "child")
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return child(&syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(f.Fd())}, w)
}

// far opens a path by parts.
func far(path string) error {
	dir, err := unix.Open("/", unix.O_PATH, 0)
	if err != nil {
		return err
	}
	names := strings.Split(path[1:], "/")
	for len(names) > 8 {
		next, err := unix.Openat(dir, strings.Join(names[:8], "/"), unix.O_PATH, 0)
		if err := errors.Join(err, unix.Close(dir)); err != nil {
			return err
		}
		dir, names = next, names[8:]
	}
	err = closing(unix.Openat(dir, strings.Join(names, "/"), unix.O_RDONLY, 0))
	if err := unix.Close(dir); err != nil {
		return err
	}
	return err
}

// connect connects to a socket that somebody listens on, or sends to one.
func connect(kind, path string) error {
	types := map[string]int{"stream": unix.SOCK_STREAM, "datagram": unix.SOCK_DGRAM}
	s, err := unix.Socket(unix.AF_UNIX, types[kind], 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	if kind == "datagram" {
		return unix.Sendto(s, []byte("x"), 0, &unix.SockaddrUnix{Name: path})
	}
	return unix.Connect(s, &unix.SockaddrUnix{Name: path})
}

func execute(program string) error {
	cmd := exec.Command(program)
	cmd.Env = []string{insideEnv + "=nothing"}
	return cmd.Run()
}

func memfd() error {
	program, err := os.ReadFile(actor)
	if err != nil {
		return err
	}
	f, err := unix.MemfdCreate("copy", 0)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(f), "copy")
	defer file.Close()
	if _, err := file.Write(program); err != nil {
		return err
	}
	return execute(fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f))
}

// mapped maps a file, and makes it code if it is not yet.
func mapped(path string, protection int) error {
	f, err := unix.Open(path, unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(f)
	memory, err := unix.Mmap(f, 0, 4096, protection, unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	if protection&unix.PROT_EXEC == 0 {
		err = unix.Mprotect(memory, unix.PROT_READ|unix.PROT_EXEC)
	}
	return errors.Join(err, unix.Munmap(memory))
}
