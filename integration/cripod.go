//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Pod is a sandbox that runs.
type Pod struct {
	ID      string
	Config  *cri.PodSandboxConfig
	Handler string

	cri     *CRI
	removed bool
}

// PodConfig describes a pod as a kubelet does, with a cgroup and a folder for
// logs of its own.
func (c *CRI) PodConfig(namespace, name string, labels map[string]string) *cri.PodSandboxConfig {
	uid := fmt.Sprintf("%s-%d", name, c.serial.Add(1))
	return &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Name: name, Namespace: namespace, Uid: uid},
		Hostname:     name,
		LogDirectory: filepath.Join(c.Scratch, "logs", uid),
		Labels:       labels,
		Linux: &cri.LinuxPodSandboxConfig{
			CgroupParent:    "/" + c.Node.Cgroups + "/pod" + uid,
			SecurityContext: &cri.LinuxSandboxSecurityContext{NamespaceOptions: &cri.NamespaceOption{}},
		},
	}
}

// RunPod runs a sandbox under a runtime handler. The error is a Refusal if the
// CRI would not.
func (c *CRI) RunPod(ctx context.Context, handler string, config *cri.PodSandboxConfig) (*Pod, error) {
	if err := os.MkdirAll(config.LogDirectory, 0o700); err != nil {
		return nil, fmt.Errorf("make a pod's folder for logs: %w", err)
	}
	resp, err := c.runtime.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: config, RuntimeHandler: handler})
	if err != nil {
		return nil, errors.Join(&Refusal{Step: "run pod", Err: err}, c.clean(config))
	}
	return &Pod{ID: resp.PodSandboxId, Config: config, Handler: handler, cri: c}, nil
}

// clean removes what a kubelet makes for a pod.
func (c *CRI) clean(config *cri.PodSandboxConfig) error {
	errs := []error{os.RemoveAll(config.LogDirectory)}
	groups, err := c.Node.cgroups(filepath.Base(config.Linux.CgroupParent))
	errs = append(errs, err)
	for _, group := range groups {
		if err := os.Remove(group); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("remove a pod's cgroup: %w", err))
		}
	}
	return errors.Join(errs...)
}

// Status is what the CRI says of the pod.
func (p *Pod) Status(ctx context.Context) (*cri.PodSandboxStatus, error) {
	resp, err := p.cri.runtime.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: p.ID})
	if err != nil {
		return nil, fmt.Errorf("ask for the status of pod %s: %w", p.ID, err)
	}
	return resp.Status, nil
}

// Stop ends the sandbox and every container in it.
func (p *Pod) Stop(ctx context.Context) error {
	if _, err := p.cri.runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: p.ID}); err != nil {
		return fmt.Errorf("stop pod %s: %w", p.ID, err)
	}
	return nil
}

// Remove ends the pod, if it still runs, and removes all of it. The second
// time it does nothing.
func (p *Pod) Remove(ctx context.Context) error {
	if p.removed {
		return nil
	}
	p.removed = true
	ctx = context.WithoutCancel(ctx)
	if err := p.Stop(ctx); err != nil {
		return err
	}
	if _, err := p.cri.runtime.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: p.ID}); err != nil {
		return fmt.Errorf("remove pod %s: %w", p.ID, err)
	}
	return p.cri.clean(p.Config)
}

// PodContainer is a container of a pod.
type PodContainer struct {
	ID     string
	Config *cri.ContainerConfig

	pod *Pod
}

// ContainerConfig describes a container of the pod's image.
func ContainerConfig(name string, command ...string) *cri.ContainerConfig {
	return &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: name},
		Image:    &cri.ImageSpec{Image: PodImage},
		Command:  command,
		LogPath:  name + ".log",
		Linux:    &cri.LinuxContainerConfig{SecurityContext: &cri.LinuxContainerSecurityContext{NamespaceOptions: &cri.NamespaceOption{}}},
	}
}

// Create makes a container, of which nothing runs yet. The namespaces that the
// pod shares with the host are shared by the container too.
func (p *Pod) Create(ctx context.Context, config *cri.ContainerConfig) (*PodContainer, error) {
	resp, err := p.cri.runtime.CreateContainer(ctx, &cri.CreateContainerRequest{PodSandboxId: p.ID, Config: config, SandboxConfig: p.Config})
	if err != nil {
		return nil, &Refusal{Step: "create", Err: err}
	}
	return &PodContainer{ID: resp.ContainerId, Config: config, pod: p}, nil
}

// Start runs the container's first process.
func (c *PodContainer) Start(ctx context.Context) error {
	if _, err := c.pod.cri.runtime.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: c.ID}); err != nil {
		return &Refusal{Step: "start", Err: err}
	}
	return nil
}

// Run creates a container, starts it, waits for its end and removes it. The
// error is a Refusal if it was not created or started.
func (p *Pod) Run(ctx context.Context, config *cri.ContainerConfig) (r Result, err error) {
	c, err := p.Create(ctx, config)
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, c.Remove(ctx)) }()
	if err := c.Start(ctx); err != nil {
		return Result{}, err
	}
	return c.Wait(ctx)
}

// Status is what the CRI says of the container.
func (c *PodContainer) Status(ctx context.Context) (*cri.ContainerStatus, error) {
	resp, err := c.pod.cri.runtime.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: c.ID})
	if err != nil {
		return nil, fmt.Errorf("ask for the status of container %s: %w", c.ID, err)
	}
	return resp.Status, nil
}

// Info is the container's first process, in the host's numbers, and the OCI
// specification that the CRI made for it.
func (c *PodContainer) Info(ctx context.Context) (pid int, spec *specs.Spec, err error) {
	resp, err := c.pod.cri.runtime.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: c.ID, Verbose: true})
	if err != nil {
		return 0, nil, fmt.Errorf("ask for container %s: %w", c.ID, err)
	}
	var info struct {
		Pid         int
		RuntimeSpec *specs.Spec
	}
	if err := json.Unmarshal([]byte(resp.Info["info"]), &info); err != nil {
		return 0, nil, fmt.Errorf("ask for container %s: %w", c.ID, err)
	}
	return info.Pid, info.RuntimeSpec, nil
}

// Wait returns how the container ended, with what is in its log.
func (c *PodContainer) Wait(ctx context.Context) (Result, error) {
	var ended *cri.ContainerStatus
	if err := poll(ctx, func() (err error) {
		ended, err = c.Status(ctx)
		if err == nil && ended.State != cri.ContainerState_CONTAINER_EXITED {
			err = fmt.Errorf("container %s has not ended", c.ID)
		}
		return err
	}); err != nil {
		return Result{}, err
	}
	r := Result{Exit: int(ended.ExitCode)}
	var err error
	r.Stdout, r.Stderr, err = c.Log()
	return r, err
}

// Log is what the container wrote so far, from the CRI's log file: lines of
// time, stream, a tag (P for a part of a line, F for its end) and text.
func (c *PodContainer) Log() (stdout, stderr string, err error) {
	text, err := os.ReadFile(c.log())
	if err != nil {
		return "", "", fmt.Errorf("read a container's log: %w", err)
	}
	streams := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 4)
		if len(fields) != 4 {
			return "", "", fmt.Errorf("the log of container %s has the line %q", c.ID, line)
		}
		if _, err := time.Parse(time.RFC3339Nano, fields[0]); err != nil {
			return "", "", fmt.Errorf("the log of container %s: %w", c.ID, err)
		}
		end := ""
		if fields[2] == "F" {
			end = "\n"
		}
		streams[fields[1]] += fields[3] + end
	}
	return streams["stdout"], streams["stderr"], nil
}

// ExecSync runs a command in the container and waits for its end. The error is
// a Refusal if it was not started.
func (c *PodContainer) ExecSync(ctx context.Context, args ...string) (Result, error) {
	resp, err := c.pod.cri.runtime.ExecSync(ctx, &cri.ExecSyncRequest{ContainerId: c.ID, Cmd: args})
	if err != nil {
		return Result{}, &Refusal{Step: "exec", Err: err}
	}
	return Result{Exit: int(resp.ExitCode), Stdout: string(resp.Stdout), Stderr: string(resp.Stderr)}, nil
}

// Stop ends the container, at once.
func (c *PodContainer) Stop(ctx context.Context) error {
	if _, err := c.pod.cri.runtime.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: c.ID}); err != nil {
		return fmt.Errorf("stop container %s: %w", c.ID, err)
	}
	return nil
}

// Remove ends the container, if it still runs, and removes it with its log.
func (c *PodContainer) Remove(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	if err := c.Stop(ctx); err != nil {
		return err
	}
	_, err := c.pod.cri.runtime.RemoveContainer(ctx, &cri.RemoveContainerRequest{ContainerId: c.ID})
	if err != nil && status.Code(err) != codes.NotFound {
		return fmt.Errorf("remove container %s: %w", c.ID, err)
	}
	if err := os.Remove(c.log()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a container's log: %w", err)
	}
	return nil
}

func (c *PodContainer) log() string {
	return filepath.Join(c.pod.Config.LogDirectory, c.Config.LogPath)
}
