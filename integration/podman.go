//go:build integration

package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Podman is Debian's podman with a storage of its own, calling prearm as a
// hook with the settings of a node.
type Podman struct {
	Hooks string // folder of hooks

	node    *Node
	dir     string
	runtime string
}

// Podman gives one with the OCI runtime named.
func (n *Node) Podman(runtime string) (*Podman, error) {
	p := &Podman{node: n, dir: filepath.Join(n.dir, "podman"), runtime: runtime}
	p.Hooks = filepath.Join(p.dir, "hooks.d")
	if err := os.MkdirAll(p.Hooks, 0o755); err != nil {
		return nil, fmt.Errorf("make podman's folders: %w", err)
	}
	return p, nil
}

// Do runs a command of podman's. An exit status other than 0 is no error. What
// hooks say is in Stderr.
func (p *Podman) Do(ctx context.Context, args ...string) (Result, error) {
	cmd := exec.CommandContext(ctx, "podman", append([]string{
		"--root", filepath.Join(p.dir, "root"), "--runroot", filepath.Join(p.dir, "run"), "--tmpdir", filepath.Join(p.dir, "tmp"),
		"--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none",
		"--runtime", p.runtime, "--hooks-dir", p.Hooks,
	}, args...)...)
	if err := os.WriteFile(p.said(), nil, 0o600); err != nil {
		return Result{}, fmt.Errorf("make a file for what hooks say: %w", err)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		return Result{}, fmt.Errorf("run podman (on Debian: apt-get install podman): %w", err)
	}
	said, err := os.ReadFile(p.said())
	if err != nil {
		return Result{}, fmt.Errorf("read what hooks say: %w", err)
	}
	return Result{Exit: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String() + string(said)}, nil
}

// said is the file that crun puts what hooks say into; runc reports it itself.
func (p *Podman) said() string { return filepath.Join(p.dir, "said") }

// Flags are those that every container here has.
func (p *Podman) Flags() []string {
	return []string{
		"--network", "none", "--cgroups", "no-conmon", "--cgroup-parent", "/" + p.node.Cgroups,
		"--annotation", "run.oci.hooks.stderr=" + p.said(),
		// The limits that podman sets otherwise are more than every machine lets
		// root have.
		"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024",
	}
}

// Pull takes an image from an OCI archive and returns its ID.
func (p *Podman) Pull(ctx context.Context, archive string) (string, error) {
	r, err := p.Do(ctx, "pull", "--quiet", "oci-archive:"+archive)
	if err != nil {
		return "", err
	}
	if r.Exit != 0 {
		return "", fmt.Errorf("podman pull: %s", r.Stderr)
	}
	return strings.TrimSpace(r.Stdout), nil
}

// Remove takes away all that podman has, containers too.
func (p *Podman) Remove(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	r, err := p.Do(ctx, "rm", "--all", "--force", "--time", "0")
	if err == nil && r.Exit != 0 {
		err = fmt.Errorf("podman rm: %s", r.Stderr)
	}
	if mounted, e := Mounts(); e == nil {
		for _, at := range mounted {
			if strings.HasPrefix(at, p.dir+"/") {
				err = errors.Join(err, unmount(at))
			}
		}
	}
	if e := os.RemoveAll(p.dir); e != nil && !errors.Is(e, fs.ErrNotExist) {
		err = errors.Join(err, e)
	}
	return err
}
