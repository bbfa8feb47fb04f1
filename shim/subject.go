package shim

import (
	"context"
	"fmt"
	"maps"
	"net"
	"strings"

	containersapi "github.com/containerd/containerd/api/services/containers/v1"
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

// identify says who the container is: under CRI its pod's namespace and
// labels, which containerd holds on the sandbox's container; otherwise
// containerd's namespace and the container's own labels, but none that its
// image brought.
func identify(ctx context.Context, address, id string, annotations map[string]string) (policy.Subject, error) {
	ns, err := namespace(ctx)
	if err != nil {
		return policy.Subject{}, err
	}
	subject := policy.Subject{Namespace: ns, Container: id}
	owner := id // of the labels
	kind, cri := annotations[annotationType]
	if cri {
		subject = policy.Subject{
			Namespace: annotations[annotationNamespace],
			Container: annotations[annotationContainer],
			Pod:       annotations[annotationPod],
			Image:     annotations[annotationImage],
			Sandbox:   kind == typeSandbox,
		}
		owner = annotations[annotationSandbox]
		if subject.Namespace == "" || owner == "" {
			return policy.Subject{}, fmt.Errorf("container %s is of CRI's type %q but lacks %s or %s", id, kind, annotationNamespace, annotationSandbox)
		}
	}

	ctx, cancel := context.WithTimeout(ctx, labelTimeout)
	defer cancel()
	conn, err := dial(ctx, address)
	if err != nil {
		return policy.Subject{}, err
	}
	defer conn.Close() //nolint:errcheck // nothing is written on it
	resp, err := containersapi.NewContainersClient(conn).Get(ctx, &containersapi.GetContainerRequest{ID: owner})
	if err != nil {
		return policy.Subject{}, fmt.Errorf("asking containerd at %s for the labels of %s: %w", address, owner, err)
	}
	subject.Labels = maps.Clone(resp.GetContainer().GetLabels())
	if cri {
		return subject, nil
	}
	subject.Image = resp.GetContainer().GetImage()
	brought, err := imageLabels(ctx, conn, subject.Image)
	if err != nil {
		return policy.Subject{}, fmt.Errorf("telling the labels of %s from those of its image: %w", id, err)
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
