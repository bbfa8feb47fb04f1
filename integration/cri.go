//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Runtime handlers, as a RuntimeClass names them.
const (
	HandlerRunc          = "runc"
	HandlerRuncSystemd   = "runc-systemd" // with SystemdCgroup = true
	HandlerPrearm        = "prearm"
	HandlerPrearmSystemd = "prearm-systemd"
)

// Images that a CRI has.
const (
	PauseImage = "example.org/prearm/pause:1"
	PodImage   = "example.org/prearm/busybox:1"
)

// kubernetes is containerd's namespace of all that its CRI plugin makes.
const kubernetes = "k8s.io"

// criSettings of the daemon. An OOM score below one's own takes a capability
// that is not everywhere.
const criSettings = `
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = %q
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runc"
    snapshotter = "overlayfs"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc-systemd]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc-systemd.options]
      SystemdCgroup = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.prearm]
    runtime_type = "io.containerd.prearm.v1"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.prearm.options]
      ConfigPath = %q
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.prearm-systemd]
    runtime_type = "io.containerd.prearm.v1"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.prearm-systemd.options]
      ConfigPath = %q
      SystemdCgroup = true
`

// podNetwork gives each pod an address. It is in a network namespace of the
// suite's own, so that the range can collide with nothing.
const podNetwork = `{
  "cniVersion": "0.4.0",
  "name": "pods",
  "plugins": [{
    "type": "ptp",
    "ipam": {"type": "host-local", "subnet": "198.51.100.0/24", "dataDir": %q}
  }]
}
`

// Folders that have no setting, of libcni's results and of runc's state.
const (
	cniCache  = "/var/lib/cni"
	runcState = "/run/containerd/runc/" + kubernetes
)

// CRI is a containerd of our own with its Kubernetes side, and what a kubelet
// asks of it. Its Node is that of all its pods.
type CRI struct {
	*Daemon
	Node    *Node
	Network *Network // the host's, as pods see it

	runtime cri.RuntimeServiceClient
	images  cri.ImageServiceClient
	private bool // folders of our own are mounted
	madeCNI bool // cniCache was not there
}

// StartCRI starts containerd with path in front of its PATH. The images are
// busybox, a folder, and one that pauses. The caller should be in a mount
// namespace of its own.
func StartCRI(busybox string, path ...string) (_ *CRI, err error) {
	c := &CRI{Daemon: new(Daemon)}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Stop())
		}
	}()
	if err := c.mount(); err != nil {
		return nil, err
	}
	if c.Node, err = c.NewNode(kubernetes); err != nil {
		return nil, err
	}
	c.Node.Cgroups = fmt.Sprintf("kubepods-%d", os.Getpid())
	if err := c.enclose(); err != nil {
		return nil, err
	}
	if c.Network, err = NewNetwork(); err != nil {
		return nil, err
	}
	config, err := c.configureCRI()
	if err != nil {
		return nil, err
	}
	if err := c.Network.Do(func() error { return c.launch(config, path) }); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := c.dial(ctx); err != nil {
		return nil, err
	}
	c.runtime, c.images = cri.NewRuntimeServiceClient(c.conn), cri.NewImageServiceClient(c.conn)
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	return c, errors.Join(
		c.load(ctx, PauseImage, busybox, ImageConfig{Entrypoint: []string{"/act/pause"}}),
		c.load(ctx, PodImage, busybox, ImageConfig{Env: []string{"PATH=/bin:/act"}}),
	)
}

// enclose mounts folders of our own over those that other daemons on the
// machine use under the same names.
func (c *CRI) enclose() error {
	if err := os.MkdirAll(runcState, 0o711); err != nil {
		return fmt.Errorf("make runc's folder: %w", err)
	}
	err := os.Mkdir(cniCache, 0o700)
	if c.madeCNI = err == nil; err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make libcni's folder: %w", err)
	}
	c.private = true
	for _, dir := range []string{runcState, cniCache} {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0711"); err != nil {
			return fmt.Errorf("mount a tmpfs at %s: %w", dir, err)
		}
	}
	return nil
}

func (c *CRI) configureCRI() (config string, err error) {
	networks := filepath.Join(c.Scratch, "cni")
	text := fmt.Sprintf(podNetwork, filepath.Join(networks, "addresses"))
	if err := os.MkdirAll(networks, 0o700); err != nil {
		return "", fmt.Errorf("make the pods' network: %w", err)
	}
	if err := os.WriteFile(filepath.Join(networks, "pods.conflist"), []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("make the pods' network: %w", err)
	}
	return c.configure("", fmt.Sprintf(criSettings, PauseImage, networks, c.Node.Config, c.Node.Config))
}

// ready waits until the daemon can start pods.
func (c *CRI) ready(ctx context.Context) error {
	return poll(ctx, func() error {
		resp, err := c.runtime.Status(ctx, &cri.StatusRequest{})
		if err != nil {
			return fmt.Errorf("ask for the CRI's status: %w", err)
		}
		for _, condition := range resp.Status.Conditions {
			if !condition.Status {
				return fmt.Errorf("the CRI is not ready (the CNI plugins are Debian's containernetworking-plugins): %s: %s", condition.Type, condition.Message)
			}
		}
		return nil
	})
}

// load brings an image in, and waits until the CRI knows of it.
func (c *CRI) load(ctx context.Context, name, root string, config ImageConfig) error {
	archive := filepath.Join(c.Scratch, "image.tar")
	defer os.Remove(archive)
	if err := WriteImage(archive, name, root, config); err != nil {
		return err
	}
	r, err := c.Node.Ctr(ctx, "images", "import", archive)
	if err == nil && r.Exit != 0 {
		err = errors.New(strings.TrimSpace(r.Stderr))
	}
	if err != nil {
		return fmt.Errorf("import image %s: %w", name, err)
	}
	return poll(ctx, func() error {
		resp, err := c.images.ImageStatus(ctx, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: name}})
		if err == nil && resp.Image == nil {
			err = errors.New("it is not there")
		}
		if err != nil {
			return fmt.Errorf("ask for image %s: %w", name, err)
		}
		return nil
	})
}

// poll calls f until it has no error: the CRI tells of no event. What f says
// last is the error.
func poll(ctx context.Context, f func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// Stop ends the daemon. Pods must be gone.
func (c *CRI) Stop() error {
	var errs []error
	if c.private {
		errs = append(errs, unmount(runcState), unmount(cniCache))
	}
	if c.madeCNI {
		errs = append(errs, os.Remove(cniCache))
	}
	if c.Node != nil {
		errs = append(errs, c.Node.Remove())
	}
	errs = append(errs, c.Daemon.Stop())
	if c.Network != nil {
		errs = append(errs, c.Network.Close())
	}
	return errors.Join(errs...)
}
