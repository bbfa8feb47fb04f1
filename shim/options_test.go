package shim

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	taskAPI "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/containerd/containerd/api/types"
	runcoptions "github.com/containerd/containerd/api/types/runc/options"
	runtimeoptions "github.com/containerd/containerd/api/types/runtimeoptions/v1"
	"github.com/containerd/typeurl/v2"
	"github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/prearm/prearm/shim/config"
)

func anyOf(t *testing.T, v any) *anypb.Any {
	t.Helper()
	a, err := typeurl.MarshalAny(v)
	if err != nil {
		t.Fatal(err)
	}
	return &anypb.Any{TypeUrl: a.GetTypeUrl(), Value: a.GetValue()}
}

// TestOptionsReachRunc: the wrapped service asserts runc's type of options
// unchecked, so that every form that containerd may send has to become it.
func TestOptionsReachRunc(t *testing.T) {
	table := "BinaryName = \"/usr/bin/crun\"\nRoot = \"/run/crun\"\npolicies = \"/p\"\nlog_level = \"debug\"\n"
	for name, c := range map[string]struct {
		in       *anypb.Any
		cgroups  string
		want     *runcoptions.Options
		policies string
	}{
		"none":        {nil, "/default/a", &runcoptions.Options{}, config.Default().Policies},
		"runc's":      {anyOf(t, &runcoptions.Options{Root: "/r", NoPivotRoot: true}), "/a", &runcoptions.Options{Root: "/r", NoPivotRoot: true}, config.Default().Policies},
		"CRI's table": {anyOf(t, &runtimeoptions.Options{ConfigBody: []byte(table)}), "/a", &runcoptions.Options{BinaryName: "/usr/bin/crun", Root: "/run/crun"}, "/p"},
		"systemd": {anyOf(t, &runtimeoptions.Options{ConfigBody: []byte(table)}), "kubepods.slice:cri-containerd:a",
			&runcoptions.Options{BinaryName: "/usr/bin/crun", Root: "/run/crun", SystemdCgroup: true}, "/p"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, runc, err := readOptions(c.in)
			if err != nil {
				t.Fatal(err)
			}
			if cfg.Policies != c.policies {
				t.Errorf("policies are in %q", cfg.Policies)
			}
			out, err := marshalOptions(runc, cfg, &specs.Spec{Linux: &specs.Linux{CgroupsPath: c.cgroups}})
			if err != nil {
				t.Fatal(err)
			}
			v, err := typeurl.UnmarshalAny(out)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := v.(*runcoptions.Options); !ok || !proto.Equal(got, c.want) {
				t.Errorf("got %v", v)
			}
		})
	}
}

func TestBadOptionsAreErrors(t *testing.T) {
	for name, in := range map[string]*anypb.Any{
		"an unknown key":  anyOf(t, &runtimeoptions.Options{ConfigBody: []byte("polices = \"/p\"\n")}),
		"a missing file":  anyOf(t, &runtimeoptions.Options{ConfigPath: filepath.Join(t.TempDir(), "none.toml")}),
		"another message": anyOf(t, &types.RuntimeInfo{}),
		"an unknown type": {TypeUrl: "example.org/nothing", Value: []byte("x")},
	} {
		if cfg, _, err := readOptions(in); err == nil {
			t.Errorf("%s: got %+v", name, cfg)
		}
	}
}

func TestCheckpointIsNotRestored(t *testing.T) {
	s := newStart(&service{}, &taskAPI.CreateTaskRequest{ID: "c", Bundle: t.TempDir(), Checkpoint: "/checkpoint"})
	if err := s.arm(t.Context()); err == nil || !strings.Contains(err.Error(), "checkpoint") {
		t.Errorf("got %v", err)
	}
}

func TestInfoHasRuncsFeatures(t *testing.T) {
	data, err := info(bytes.NewReader(nil))
	if err != nil {
		t.Fatal(err)
	}
	var answer types.RuntimeInfo
	if err := proto.Unmarshal(data, &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Name != Name || answer.Features.GetTypeUrl() != featuresType || !bytes.Contains(answer.Features.GetValue(), []byte("ociVersionMax")) {
		t.Errorf("got %v", &answer)
	}
}
