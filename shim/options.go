package shim

import (
	"fmt"

	taskAPI "github.com/containerd/containerd/api/runtime/task/v2"
	runcoptions "github.com/containerd/containerd/api/types/runc/options"
	runtimeoptions "github.com/containerd/containerd/api/types/runtimeoptions/v1"
	"github.com/containerd/typeurl/v2"
	"github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/prearm/prearm/shim/config"
)

// readOptions reads what containerd says of the runtime: nothing, runc's own
// options, or (CRI, and ctr --runtime-config-path) the generic form, which
// names a configuration file or carries the options table as TOML.
func readOptions(any *anypb.Any) (*config.Config, *runcoptions.Options, error) {
	none := &runcoptions.Options{}
	if any.GetTypeUrl() == "" {
		cfg, err := config.Load("")
		return cfg, none, err
	}
	v, err := typeurl.UnmarshalAny(any)
	if err != nil {
		return nil, nil, fmt.Errorf("runtime options: %w", err)
	}
	switch o := v.(type) {
	case *runcoptions.Options:
		cfg, err := config.Load("")
		return cfg, o, err
	case *runtimeoptions.Options:
		if o.ConfigPath != "" || len(o.ConfigBody) == 0 {
			cfg, err := config.Load(o.ConfigPath)
			return cfg, none, err
		}
		cfg, runc, err := config.FromOptions(string(o.ConfigBody))
		if err != nil {
			return nil, nil, err
		}
		return cfg, &runcoptions.Options{
			NoPivotRoot:   runc.NoPivotRoot,
			NoNewKeyring:  runc.NoNewKeyring,
			ShimCgroup:    runc.ShimCgroup,
			IoUid:         runc.IoUid,
			IoGid:         runc.IoGid,
			BinaryName:    runc.BinaryName,
			Root:          runc.Root,
			SystemdCgroup: runc.SystemdCgroup,
			CriuImagePath: runc.CriuImagePath,
			CriuWorkPath:  runc.CriuWorkPath,
		}, nil
	}
	return nil, nil, fmt.Errorf("runtime options of type %s are not known to prearm", any.GetTypeUrl())
}

// inner is the request for the wrapped service, whose options have the one
// type that it accepts. A root file system that is mounted already is not
// passed on.
func (s *start) inner() *taskAPI.CreateTaskRequest {
	r := s.req
	inner := &taskAPI.CreateTaskRequest{
		ID: r.ID, Bundle: r.Bundle, Rootfs: r.Rootfs, Terminal: r.Terminal,
		Stdin: r.Stdin, Stdout: r.Stdout, Stderr: r.Stderr,
		Options: s.options,
	}
	if s.container.mounted {
		inner.Rootfs = nil
	}
	return inner
}

// marshalOptions types the options for the wrapped service. CRI's generic
// form does not always say which cgroup driver runs, but the path does.
func marshalOptions(o *runcoptions.Options, cfg *config.Config, spec *specs.Spec) (*anypb.Any, error) {
	if cfg.Runc != "" {
		o.BinaryName = cfg.Runc // as config says: ours over containerd's
	}
	if spec.Linux != nil && systemdCgroup(spec.Linux.CgroupsPath) {
		o.SystemdCgroup = true
	}
	any, err := typeurl.MarshalAny(o)
	if err != nil {
		return nil, fmt.Errorf("runtime options: %w", err)
	}
	return &anypb.Any{TypeUrl: any.GetTypeUrl(), Value: any.GetValue()}, nil
}
