package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/containerd/api/services/containers/v1"
	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/prearm/prearm/shim/subject"
	"github.com/prearm/prearm/translate/rootfs"
)

// runtimeName is the shim's name in containerd.
const runtimeName = "io.containerd.prearm.v1"

// flags are those that say which container is meant, and by which policies.
func (q *question) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&q.subject.Namespace, "namespace", "n", "default", "namespace: the pod's, or under ctr and nerdctl containerd's")
	f.StringArrayVarP(&q.labels, "label", "l", nil, "a label, KEY=VALUE (repeatable)")
	f.StringVar(&q.subject.Container, "container-name", "", "name of the container in its pod")
	f.StringVar(&q.subject.Image, "image", "", "name of the image")
	f.BoolVar(&q.subject.Sandbox, "sandbox", false, "a pod's pause container")
	f.StringVar(&q.rootfs, "rootfs", "", "folder that holds the container's root file system")
	f.StringVar(&q.container, "container", "", "id of a container that containerd has; stands for all flags above")
	f.StringVar(&q.containerd, "address", "/run/containerd/containerd.sock", "containerd's socket")
	f.StringVar(&q.namespace, "containerd-namespace", "default", "containerd's namespace of --container; Kubernetes' is k8s.io")
	f.StringVar(&q.policies, "policies", "", "the policy folder (default: as configured)")
	cmd.MarkFlagsMutuallyExclusive("container", "namespace")
	cmd.MarkFlagsMutuallyExclusive("container", "label")
	cmd.MarkFlagsMutuallyExclusive("container", "container-name")
	_ = cmd.MarkFlagDirname("rootfs") // fails only for a flag that is not there
	_ = cmd.MarkFlagDirname("policies")
}

// readLabels puts the labels of the command line into the subject.
func (q *question) readLabels() error {
	labels, err := labelsOf(q.labels)
	q.subject.Labels = labels
	return err
}

// labelsOf reads KEY=VALUE; none is nil.
func labelsOf(flags []string) (map[string]string, error) {
	var labels map[string]string
	for _, l := range flags {
		k, v, ok := strings.Cut(l, "=")
		if !ok || k == "" {
			return nil, fmt.Errorf("--label %s: must be KEY=VALUE", l)
		}
		if labels == nil {
			labels = make(map[string]string)
		}
		labels[k] = v
	}
	return labels, nil
}

// files are a container's file systems, or an empty folder in place of them.
type files struct {
	root *rootfs.Root
	temp string
}

func (f *files) Close() error {
	err := f.root.Close()
	if f.temp != "" {
		err = errors.Join(err, os.RemoveAll(f.temp))
	}
	return err
}

// lookUp completes the explanation's subject and spec, and opens the file
// systems.
func lookUp(ctx context.Context, e *explanation, q question) (*files, error) {
	dir, mounts := q.rootfs, []specs.Mount(nil)
	if q.container != "" {
		pid, err := askContainerd(ctx, e, q)
		if err != nil {
			return nil, err
		}
		switch own := e.spec.Root; {
		case q.rootfs != "":
		case pid != 0:
			dir = fmt.Sprintf("/proc/%d/root", pid)
		case own != nil && filepath.IsAbs(own.Path):
			dir, mounts = own.Path, e.spec.Mounts
		}
	}
	f := &files{}
	if dir == "" {
		temp, err := os.MkdirTemp("", "prearm-explain-")
		if err != nil {
			return nil, err
		}
		e.Notes = append(e.Notes, "paths are taken as they are written: name the root file system with --rootfs to resolve links in it")
		dir, f.temp = temp, temp
	}
	root, err := rootfs.New(dir, mounts)
	if err != nil && f.temp != "" {
		err = errors.Join(err, os.RemoveAll(f.temp))
	}
	f.root = root
	return f, err
}

// askContainerd fills in what containerd knows of the container. The pid is
// that of its first process, 0 if it does not run.
func askContainerd(ctx context.Context, e *explanation, q question) (pid uint32, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := dial(ctx, q.containerd)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	asking := metadata.AppendToOutgoingContext(ctx, "containerd-namespace", q.namespace)
	answer, err := containers.NewContainersClient(conn).Get(asking, &containers.GetContainerRequest{ID: q.container})
	if status.Code(err) == codes.NotFound {
		return 0, fmt.Errorf("containerd has no container %s in its namespace %s; Kubernetes' are in k8s.io (--containerd-namespace)", q.container, q.namespace)
	}
	if err != nil {
		return 0, fmt.Errorf("containerd: container %s: %w", q.container, err)
	}
	c := answer.Container
	e.spec = &specs.Spec{}
	if err := json.Unmarshal(c.Spec.GetValue(), e.spec); err != nil {
		return 0, fmt.Errorf("container %s: spec: %w", q.container, err)
	}
	if name := c.GetRuntime().GetName(); name != runtimeName {
		e.Notes = append(e.Notes, fmt.Sprintf("this container runs under %s, which enforces nothing of this; start it with %s", name, runtimeName))
	}
	e.Subject, err = subject.Ask(ctx, subject.Query{
		Containerd: q.containerd, Namespace: q.namespace, ID: q.container, Annotations: e.spec.Annotations,
	})
	if err != nil {
		return 0, err
	}
	task, err := tasks.NewTasksClient(conn).Get(asking, &tasks.GetRequest{ContainerID: q.container})
	if status.Code(err) == codes.NotFound {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("containerd: task of %s: %w", q.container, err)
	}
	return task.GetProcess().GetPid(), nil
}

// dial connects to containerd, or says soon that there is none.
func dial(ctx context.Context, address string) (*grpc.ClientConn, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := grpc.DialContext(ctx, "unix://"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithBlock(), grpc.FailOnNonTempDialError(true), grpc.WithReturnConnectionError())
	if err != nil {
		return nil, fmt.Errorf("containerd at %s: %w", address, err)
	}
	return conn, nil
}
