//go:build integration

package integration

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Debian is a clean Debian system that shares the machine's kernel: a mount
// and a process namespace whose root is its own, with file systems of its own
// over whatever it changes. (A chroot would not do: a program that runc execs
// into a container begins at the root of the mount namespace.) Its containerd
// is what its packages and its configuration make of it.
type Debian struct {
	CRI
	Root string // as seen from outside; what is mounted there later is not

	init *exec.Cmd
}

// enter makes the namespaces around the new root $1, and reaps what is
// orphaned in there.
const enter = `set -e
mount -t proc proc "$1/proc"
cd "$1"
pivot_root . mnt
mnt/bin/umount -l mnt # the new root has none
echo ready
while :; do sleep 1h & wait $!; done`

// NewDebian mounts the system over the folder image, which stays as it is.
// The caller should be in a mount namespace of its own.
func NewDebian(image string) (_ *Debian, err error) {
	s := &Debian{CRI: CRI{Daemon: new(Daemon)}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()
	if err := s.mount(); err != nil {
		return nil, err
	}
	s.Root = filepath.Join(s.Scratch, "system")
	s.Address = s.path("/run/containerd/containerd.sock")
	s.Node = &Node{
		Namespace: kubernetes,
		Cgroups:   fmt.Sprintf("kubepods-debian-%d", os.Getpid()),
		Policies:  s.path("/etc/prearm/policies"),
		State:     s.path("/run/prearm"),
		Cache:     s.path("/var/lib/prearm"),
		BPFFS:     s.path("/sys/fs/bpf/prearm"),
		daemon:    s.Daemon,
	}
	upper, work := filepath.Join(s.Scratch, "upper"), filepath.Join(s.Scratch, "work")
	for _, dir := range []string{s.Root, upper, work} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, fmt.Errorf("make a Debian system: %w", err)
		}
	}
	layers := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", image, upper, work)
	for _, m := range []struct {
		source, target, kind string
		flags                uintptr
		data                 string
	}{
		{"overlay", "/", "overlay", 0, layers},
		{"/sys", "/sys", "", unix.MS_BIND | unix.MS_REC, ""},
		{"/dev", "/dev", "", unix.MS_BIND | unix.MS_REC, ""},
		{"tmpfs", "/run", "tmpfs", 0, "mode=0755"},
		{"tmpfs", "/tmp", "tmpfs", 0, "mode=1777"},
		{"tmpfs", "/var/lib/containerd", "tmpfs", 0, "mode=0711"},
		{"bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700"},
	} {
		target := s.path(m.target)
		if err := os.MkdirAll(target, 0o755); err != nil {
			return nil, fmt.Errorf("make a Debian system: %w", err)
		}
		if err := unix.Mount(m.source, target, m.kind, m.flags, m.data); err != nil {
			return nil, fmt.Errorf("mount %s at %s: %w", m.source, target, err)
		}
	}
	// Pods' logs have the same name inside and outside.
	logs := filepath.Join(s.Scratch, "logs")
	if err := errors.Join(os.Mkdir(logs, 0o755), os.MkdirAll(s.path(logs), 0o755)); err != nil {
		return nil, fmt.Errorf("make a folder for logs: %w", err)
	}
	if err := unix.Mount(logs, s.path(logs), "", unix.MS_BIND, ""); err != nil {
		return nil, fmt.Errorf("mount the folder for logs: %w", err)
	}
	return s, s.boot()
}

// boot makes the namespaces. They end with us.
func (s *Debian) boot() error {
	cmd := exec.Command("unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", enter, "enter", s.Root)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("enter a Debian system: %w", err)
	}
	s.init = cmd
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		return fmt.Errorf("enter a Debian system: it said %q, %w", line, err)
	}
	return nil
}

// path is where a path of the system is.
func (s *Debian) path(of string) string { return filepath.Join(s.Root, of) }

// shell is a shell that runs in the system what script says, in root's folder.
func (s *Debian) shell(ctx context.Context, script string) (*exec.Cmd, error) {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", s.init.Process.Pid))
	if err != nil {
		return nil, fmt.Errorf("enter a Debian system: %w", err)
	}
	return exec.CommandContext(ctx, "nsenter", "--target", strings.TrimSpace(string(children)), "--mount", "--pid",
		"env", "--ignore-environment", "--chdir=/root", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", script), nil
}

// Shell runs a command line as root there.
func (s *Debian) Shell(ctx context.Context, line string) (Result, error) {
	cmd, err := s.shell(ctx, line)
	if err != nil {
		return Result{}, err
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		return Result{}, fmt.Errorf("run %q in a Debian system: %w", line, err)
	}
	return Result{Exit: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}, nil
}

// Restart does what the service manager does: it ends the daemon, if one
// runs, but not its shims, and starts it with the configuration of now.
func (s *Debian) Restart(ctx context.Context) error {
	if err := s.end(ctx); err != nil {
		return err
	}
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open containerd's log: %w", err)
	}
	defer log.Close()
	cmd, err := s.shell(context.Background(), "echo $$ >/run/containerd.pid; exec containerd")
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start containerd in a Debian system: %w", err)
	}
	s.process = cmd
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.dial(ctx); err != nil {
		return err
	}
	s.runtime, s.images = cri.NewRuntimeServiceClient(s.conn), cri.NewImageServiceClient(s.conn)
	return poll(ctx, func() error {
		_, err := s.runtime.Version(ctx, &cri.VersionRequest{})
		return err
	})
}

// end stops the daemon.
func (s *Debian) end(ctx context.Context) error {
	if s.process == nil {
		return nil
	}
	r, err := s.Shell(ctx, "kill $(cat /run/containerd.pid)")
	if err == nil && r.Exit != 0 {
		err = errors.New(r.Stderr)
	}
	if err != nil {
		return fmt.Errorf("stop containerd in a Debian system: %w", err)
	}
	_ = s.process.Wait() // an end by our own signal is no failure
	err = s.conn.Close()
	s.process, s.conn = nil, nil
	return err
}

// Bring copies one of prearm's packages into root's folder there, as the only
// one in build.
func (s *Debian) Bring(pkg string) error {
	dir := s.path("/root/build")
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755), copyFile(pkg, filepath.Join(dir, filepath.Base(pkg)))); err != nil {
		return fmt.Errorf("bring a package into a Debian system: %w", err)
	}
	return nil
}

// Stop ends all that runs in the system and takes it away. Pods must be gone.
func (s *Debian) Stop() error {
	var errs []error
	if s.conn != nil {
		errs = append(errs, s.end(context.Background()))
	}
	if s.init != nil {
		errs = append(errs, s.init.Process.Kill())
		_ = s.init.Wait() // an end by our own signal is no failure
	}
	mounts, err := Mounts()
	errs = append(errs, err)
	for _, at := range slices.Backward(mounts) {
		if at == s.Root || strings.HasPrefix(at, s.Root+"/") {
			errs = append(errs, unmount(at))
		}
	}
	return errors.Join(append(errs, s.Daemon.Stop())...)
}
