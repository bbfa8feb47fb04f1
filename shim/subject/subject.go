// Package subject asks containerd who a container is.
package subject

import (
	"context"
	"fmt"
	"maps"
	"time"

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

// timeout bounds containerd's answers. It takes long where many containers
// start at once: containerd runs a program for each of them.
const timeout = 15 * time.Second

// Query is what is known of a container before asking.
type Query struct {
	Containerd  string            // address of containerd's API, a unix socket
	Namespace   string            // containerd's
	ID          string            // of the container
	Annotations map[string]string // of its OCI spec
}

// Ask says who the container is: under CRI its pod's namespace and labels,
// which containerd holds on the sandbox's container; otherwise containerd's
// namespace and the container's own labels, with those marked that its image
// brought. It takes 15 seconds at most.
func Ask(ctx context.Context, q Query) (policy.Subject, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	subject, err := ask(ctx, newClient(q.Containerd, q.Namespace), q)
	if err != nil {
		return policy.Subject{}, fmt.Errorf("asking containerd at %s: %w", q.Containerd, err)
	}
	return subject, nil
}

func ask(ctx context.Context, containerd *client, q Query) (policy.Subject, error) {
	if kind, ok := q.Annotations[annotationType]; ok {
		return askPod(ctx, containerd, q, kind)
	}
	subject := policy.Subject{Namespace: q.Namespace, Container: q.ID}
	labels, image, err := containerd.getContainer(ctx, q.ID)
	if err != nil {
		return subject, fmt.Errorf("labels of container %s: %w", q.ID, err)
	}
	subject.Labels, subject.Image = labels, image
	if image == "" {
		return subject, nil // started from a root file system
	}
	brought, err := imageLabels(ctx, containerd, image)
	if err != nil {
		return subject, fmt.Errorf("labels of image %s, which must not choose policies: %w", image, err)
	}
	maps.DeleteFunc(brought, func(k, v string) bool { return subject.Labels[k] != v })
	subject.Brought = brought
	return subject, nil
}

func askPod(ctx context.Context, containerd *client, q Query, kind string) (policy.Subject, error) {
	subject := policy.Subject{
		Namespace: q.Annotations[annotationNamespace],
		Container: q.Annotations[annotationContainer],
		Pod:       q.Annotations[annotationPod],
		Image:     q.Annotations[annotationImage],
		Sandbox:   kind == typeSandbox,
	}
	sandbox := q.Annotations[annotationSandbox]
	if subject.Namespace == "" || sandbox == "" {
		return subject, fmt.Errorf("container %s is of CRI's type %q but lacks the annotations %s and %s", q.ID, kind, annotationNamespace, annotationSandbox)
	}
	labels, _, err := containerd.getContainer(ctx, sandbox)
	if err != nil {
		return subject, fmt.Errorf("labels of sandbox %s: %w", sandbox, err)
	}
	subject.Labels = labels
	return subject, nil
}
