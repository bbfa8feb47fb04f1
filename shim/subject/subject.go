// Package subject asks containerd who a container is. It is linked into
// prearm-subject alone, a program that runs for some milliseconds while the
// shim comes up: the API's client would double what a shim adds to memory,
// for every pod, to ask one question.
package subject

import (
	"context"
	"fmt"
	"maps"
	"net"
	"strings"
	"time"

	containersapi "github.com/containerd/containerd/api/services/containers/v1"
	"github.com/containerd/containerd/namespaces"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/prearm/prearm/policy"
)

// Annotations that CRI writes on every container of a pod.
const (
	annotationType      = "io.kubernetes.cri.container-type"
	annotationSandbox   = "io.kubernetes.cri.sandbox-id"
	annotationPod       = "io.kubernetes.cri.sandbox-name"
	annotationNamespace = "io.kubernetes.cri.sandbox-namespace"
	annotationContainer = "io.kubernetes.cri.container-name"
	annotationImage     = "io.kubernetes.cri.image-name"

	typeSandbox = "sandbox"
)

// timeout bounds containerd's answers.
const timeout = 2 * time.Second

// Query is what is known of a container before asking.
type Query struct {
	Containerd  string            // address of containerd's API, a unix socket
	Namespace   string            // containerd's
	ID          string            // of the container
	Annotations map[string]string // of its OCI spec
}

// Ask says who the container is: under CRI its pod's namespace and labels,
// which containerd holds on the sandbox's container; otherwise containerd's
// namespace and the container's own labels, but none that its image brought.
// It takes 2 seconds at most.
func Ask(ctx context.Context, q Query) (policy.Subject, error) {
	subject := policy.Subject{Namespace: q.Namespace, Container: q.ID}
	owner := q.ID // of the labels
	kind, cri := q.Annotations[annotationType]
	if cri {
		subject = policy.Subject{
			Namespace: q.Annotations[annotationNamespace],
			Container: q.Annotations[annotationContainer],
			Pod:       q.Annotations[annotationPod],
			Image:     q.Annotations[annotationImage],
			Sandbox:   kind == typeSandbox,
		}
		owner = q.Annotations[annotationSandbox]
		if subject.Namespace == "" || owner == "" {
			return policy.Subject{}, fmt.Errorf("container %s is of CRI's type %q but lacks %s or %s", q.ID, kind, annotationNamespace, annotationSandbox)
		}
	}

	ctx, cancel := context.WithTimeout(namespaces.WithNamespace(ctx, q.Namespace), timeout)
	defer cancel()
	conn, err := dial(ctx, q.Containerd)
	if err != nil {
		return policy.Subject{}, err
	}
	defer conn.Close() //nolint:errcheck // nothing is written on it
	resp, err := containersapi.NewContainersClient(conn).Get(ctx, &containersapi.GetContainerRequest{ID: owner})
	if err != nil {
		return policy.Subject{}, fmt.Errorf("asking containerd at %s for the labels of %s: %w", q.Containerd, owner, err)
	}
	subject.Labels = maps.Clone(resp.GetContainer().GetLabels())
	if cri {
		return subject, nil
	}
	subject.Image = resp.GetContainer().GetImage()
	brought, err := imageLabels(ctx, conn, subject.Image)
	if err != nil {
		return policy.Subject{}, fmt.Errorf("telling the labels of %s from those of its image: %w", q.ID, err)
	}
	maps.DeleteFunc(subject.Labels, func(k, v string) bool {
		theirs, ok := brought[k]
		return ok && theirs == v
	})
	return subject, nil
}

// dial connects to containerd's API, which is a unix socket.
func dial(ctx context.Context, address string) (*grpc.ClientConn, error) {
	path := strings.TrimPrefix(address, "unix://")
	conn, err := grpc.DialContext(ctx, "passthrough:///"+path,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, path string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}))
	if err != nil {
		return nil, fmt.Errorf("connecting to containerd at %s: %w", address, err)
	}
	return conn, nil
}
