//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	containersapi "github.com/containerd/containerd/api/services/containers/v1"
	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/namespaces"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
)

// Runtimes that a container can ask for.
const (
	Runc   = "io.containerd.runc.v2"
	Prearm = "io.containerd.prearm.v1"
)

// settings of the daemon: nothing but what running containers takes, so that
// it starts quickly and needs no network.
const settings = `version = 2
root = %q
state = %q
disabled_plugins = [%s
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing",
]
[grpc]
  address = %q
[debug]
  level = "info"
`

// withoutCRI is the plugin that most daemons here do without.
const withoutCRI = `"io.containerd.grpc.v1.cri",`

// startTimeout bounds the start of the daemon, an emulated machine's included.
const startTimeout = 2 * time.Minute

// Daemon is a containerd of our own, with everything it writes under Scratch,
// a tmpfs: an overlay's upper directory cannot lie on another overlay, and a
// virtual machine's root is one.
type Daemon struct {
	Scratch string // removed by Stop
	Address string // the daemon's socket
	BPF     string // a bpffs of our own

	// Enforcer is the setting of the nodes made from now on; none if empty.
	Enforcer string

	programs   string // folder of containerd, ctr and runc's shim; "": looked up
	process    *exec.Cmd
	conn       *grpc.ClientConn
	containers containersapi.ContainersClient
	tasks      tasksapi.TasksClient
	serial     atomic.Uint64
}

// StartDaemon starts the machine's containerd with path in front of the PATH
// in which it looks for shims. The caller should be in a mount namespace of
// its own.
func StartDaemon(path ...string) (*Daemon, error) { return StartContainerd("", path...) }

// StartContainerd is StartDaemon with the containerd, ctr and runc's shim of a
// folder, of any version from 1.6 on: later ones migrate their settings.
func StartContainerd(folder string, path ...string) (_ *Daemon, err error) {
	d := &Daemon{programs: folder}
	if folder != "" {
		path = append(path, folder)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Stop())
		}
	}()
	if err := d.mount(); err != nil {
		return nil, err
	}
	config, err := d.configure(withoutCRI, "")
	if err != nil {
		return nil, err
	}
	if err := d.launch(config, path); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return d, d.dial(ctx)
}

// configure writes the daemon's config: the settings that all have, without
// the plugins given, and more.
func (d *Daemon) configure(without, more string) (config string, err error) {
	config = filepath.Join(d.Scratch, "config.toml")
	d.Address = filepath.Join(d.Scratch, "containerd.sock")
	text := fmt.Sprintf(settings, filepath.Join(d.Scratch, "root"), filepath.Join(d.Scratch, "state"), without, d.Address)
	if err := os.WriteFile(config, []byte(text+more), 0o600); err != nil {
		return "", fmt.Errorf("write containerd's config: %w", err)
	}
	return config, nil
}

func (d *Daemon) mount() error {
	dir, err := os.MkdirTemp("", "prearm-")
	if err != nil {
		return fmt.Errorf("make a scratch folder: %w", err)
	}
	d.Scratch = dir
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0711"); err != nil {
		return fmt.Errorf("mount a tmpfs at %s: %w", dir, err)
	}
	d.BPF = filepath.Join(dir, "bpf")
	if err := os.Mkdir(d.BPF, 0o700); err != nil {
		return fmt.Errorf("make a mount point: %w", err)
	}
	if err := unix.Mount("bpf", d.BPF, "bpf", 0, "mode=0700"); err != nil {
		return fmt.Errorf("mount a bpffs at %s: %w", d.BPF, err)
	}
	return mountOnce("securityfs", "/sys/kernel/security", unix.SECURITYFS_MAGIC)
}

func (d *Daemon) launch(config string, path []string) error {
	log, err := os.OpenFile(d.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open containerd's log: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(d.programs, "containerd"), "--config", config)
	cmd.Env = append(os.Environ(), "PATH="+strings.Join(append(path, os.Getenv("PATH")), ":"))
	cmd.Stdout, cmd.Stderr = log, log
	// In a process group of its own, an interrupt at the keyboard leaves it to
	// us to stop it; should we be killed, it ends too.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start containerd (on Debian: apt-get install containerd runc): %w", err)
	}
	d.process = cmd
	return nil
}

func (d *Daemon) dial(ctx context.Context) error {
	quick := backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.2, MaxDelay: time.Second}
	conn, err := grpc.DialContext(ctx, "unix://"+d.Address, grpc.WithBlock(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: quick, MinConnectTimeout: time.Second}))
	if err != nil {
		return fmt.Errorf("reach containerd at %s: %w\n%s", d.Address, err, d.Log(0))
	}
	d.conn = conn
	d.containers = containersapi.NewContainersClient(conn)
	d.tasks = tasksapi.NewTasksClient(conn)
	return nil
}

// Pid is the daemon's process.
func (d *Daemon) Pid() string { return strconv.Itoa(d.process.Process.Pid) }

// Log is what the daemon and its shims wrote from offset on, without what
// they write at every start. LogEnd is the offset for later.
func (d *Daemon) Log(offset int64) string {
	f, err := os.Open(d.log())
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, offset, 64<<20))
	if err != nil {
		return err.Error()
	}
	var kept strings.Builder
	for line := range strings.Lines(string(text)) {
		if !routine.MatchString(line) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// routine matches log lines that say nothing.
var routine = regexp.MustCompile(`loading plugin|starting signal loop|shim disconnected|cleaning up dead shim|failed to remove runc container|copy shim log`)

// LogEnd is where the log ends now.
func (d *Daemon) LogEnd() int64 {
	info, err := os.Stat(d.log())
	if err != nil {
		return 0
	}
	return info.Size()
}

func (d *Daemon) log() string { return filepath.Join(d.Scratch, "containerd.log") }

// Stop ends the daemon and removes its scratch folder. Containers must be gone.
func (d *Daemon) Stop() error {
	var errs []error
	if d.conn != nil {
		errs = append(errs, d.conn.Close())
	}
	if d.process != nil {
		errs = append(errs, d.process.Process.Signal(unix.SIGTERM))
		// An end by our own signal is no failure.
		var exit *exec.ExitError
		if err := d.process.Wait(); err != nil && !errors.As(err, &exit) {
			errs = append(errs, err)
		}
	}
	if d.Scratch != "" {
		errs = append(errs, unmount(d.BPF), unmount(d.Scratch), os.Remove(d.Scratch))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stop containerd: %w", err)
	}
	return nil
}

// unmount detaches what is mounted at path, if anything is.
func unmount(path string) error {
	if path == "" {
		return nil
	}
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && err != unix.EINVAL && err != unix.ENOENT {
		return fmt.Errorf("unmount %s: %w", path, err)
	}
	return nil
}

// in addresses a containerd namespace.
func in(ctx context.Context, namespace string) context.Context {
	return namespaces.WithNamespace(ctx, namespace)
}
