//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	runcoptions "github.com/containerd/containerd/api/types/runc/options"
	runtimeoptions "github.com/containerd/containerd/api/types/runtimeoptions/v1"
	"github.com/containerd/containerd/containers"
	"github.com/containerd/containerd/contrib/seccomp"
	"github.com/containerd/containerd/oci"
	"github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// typeURL is the prefix under which containerd registers the runtime
// specification's types, marshalled as JSON.
const typeURL = "types.containerd.io/opencontainers/runtime-spec/1/"

// Container is what a test asks for. Whatever it leaves out is as ctr has it:
// containerd's default spec, no seccomp filter, no new privileges.
type Container struct {
	ID          string // made up if empty
	Namespace   string // containerd's; "integration" if empty
	Root        string // a root file system; the container writes to a layer above it
	Args        []string
	Env         []string
	Labels      map[string]string
	Annotations map[string]string
	Runtime     string        // Prearm if empty; an absolute path names a shim's file
	Config      string        // Prearm's config.toml, handed over as ctr's --runtime-config-path does
	Options     proto.Message // runtime options instead of Config
	Seccomp     bool          // containerd's default filter
	Privileges  bool          // without no_new_privs, as Kubernetes starts containers by default
	Edit        func(*specs.Spec)
}

// options are the runtime's options as containerd carries them.
func (c *Container) options() (*anypb.Any, error) {
	options := c.Options
	switch {
	case options != nil:
	case c.Runtime == Runc:
		options = &runcoptions.Options{}
	case c.Config != "":
		options = &runtimeoptions.Options{ConfigPath: c.Config}
	default:
		return nil, nil
	}
	value, err := proto.Marshal(options)
	if err != nil {
		return nil, fmt.Errorf("marshal runtime options: %w", err)
	}
	// containerd's own type URLs have no host part.
	return &anypb.Any{TypeUrl: string(options.ProtoReflect().Descriptor().FullName()), Value: value}, nil
}

// spec is the container's OCI specification.
func (c *Container) spec(ctx context.Context) (*specs.Spec, error) {
	opts := []oci.SpecOpts{
		oci.WithProcessArgs(c.Args...),
		oci.WithDefaultPathEnv,
		oci.WithEnv(c.Env),
		oci.WithAnnotations(c.Annotations),
	}
	if c.Privileges {
		opts = append(opts, oci.WithNewPrivileges)
	}
	if c.Seccomp {
		opts = append(opts, seccomp.WithDefaultProfile())
	}
	spec, err := oci.GenerateSpec(in(ctx, c.Namespace), nil, &containers.Container{ID: c.ID}, opts...)
	if err != nil {
		return nil, fmt.Errorf("make the specification of %s: %w", c.ID, err)
	}
	if c.Edit != nil {
		c.Edit(spec)
	}
	return spec, nil
}

// asAny carries a part of the specification, "Spec" or "Process".
func asAny(kind string, value any) (*anypb.Any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("marshal %s: %w", kind, err)
	}
	return &anypb.Any{TypeUrl: typeURL + kind, Value: text}, nil
}

// layer is a writable layer above a root file system.
type layer struct {
	dir   string
	lower string
}

func newLayer(dir, lower string) (*layer, error) {
	l := &layer{dir: dir, lower: lower}
	for _, name := range []string{"upper", "work"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return nil, fmt.Errorf("make a container's layer: %w", err)
		}
	}
	return l, nil
}

// options of the overlay mount.
func (l *layer) options() []string {
	return []string{
		"index=off",
		"workdir=" + filepath.Join(l.dir, "work"),
		"upperdir=" + filepath.Join(l.dir, "upper"),
		"lowerdir=" + l.lower,
	}
}

func (l *layer) remove() error {
	if err := os.RemoveAll(l.dir); err != nil {
		return fmt.Errorf("remove a container's layer: %w", err)
	}
	return nil
}
