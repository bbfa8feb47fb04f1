package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/containerd/containerd/api/services/containers/v1"
	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/opencontainers/runtime-spec/specs-go"
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
