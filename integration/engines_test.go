//go:build integration

package integration

import (
	"path/filepath"
	"strings"
	"testing"

	introspectionapi "github.com/containerd/containerd/api/services/introspection/v1"
	versionapi "github.com/containerd/containerd/api/services/version/v1"
	"github.com/containerd/containerd/api/types"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// core are tests that every containerd passes, with the same shim and the same
// hook.
var core = []struct {
	name string
	test func(*testing.T)
	slow bool // also where everything is slow
}{
	{"FirstCall", TestFirstCall, true},
	{"FirstCallOfExec", TestFirstCallOfExec, true},
	{"Pod", TestPod, false},
	{"ContainerName", TestContainerName, false},
	{"RuntimeOptions", TestRuntimeOptions, false},
	{"TwoContainersShare", TestTwoContainersShare, false},
	{"RefusedStartsLeaveNothing", TestRefusedStartsLeaveNothing, false},
	{"RefusalAsCtrPrintsIt", TestRefusalAsCtrPrintsIt, false},
	{"ImageLabels", TestImageLabels, false},
}

// TestContainerds runs the core against containerds of other versions than
// the machine's.
func TestContainerds(t *testing.T) {
	leaveTo(t, native)
	modules, err := filepath.Glob(filepath.Join(shared.Sources, "integration/engines/*/go.mod"))
	if err != nil || len(modules) == 0 {
		t.Fatalf("containerds to test with: %v, %v", modules, err)
	}
	for _, module := range modules {
		version := filepath.Base(filepath.Dir(module))
		t.Run(version, func(t *testing.T) {
			visit(t, version)
			for _, c := range core {
				if c.slow || !shared.Slow {
					t.Run(c.name, c.test)
				}
			}
			if !strings.HasPrefix(version, "1.") {
				t.Run("Info", testInfo)
			}
		})
	}
}

// visit has the rest of the test work with a containerd of that version.
func visit(t *testing.T, version string) {
	home := shared
	daemon, err := StartContainerd(filepath.Join(home.Tools, "containerd-"+version), home.Bin)
	if err != nil {
		t.Fatalf("%v (make run-engines builds it)", err)
	}
	away := *home
	away.Daemon, away.visiting = daemon, true
	shared = &away
	t.Cleanup(func() {
		shared = home
		if err := daemon.Stop(); err != nil {
			t.Error(err)
		}
	})
	is, err := versionapi.NewVersionClient(daemon.conn).Version(t.Context(), &emptypb.Empty{})
	if err != nil || !strings.HasPrefix(is.GetVersion(), version+"+") {
		t.Fatalf("containerd %s says it is %v, %v", version, is, err)
	}
}

// testInfo asks as containerd 2 does what the runtime can do. Without an
// answer it takes user namespaces and idmapped mounts for unsupported.
func testInfo(t *testing.T) {
	about := func(runtime string) *types.RuntimeInfo {
		t.Helper()
		request := &introspectionapi.PluginInfoRequest{Type: "io.containerd.runtime.v2", ID: "task"}
		asked, err := proto.Marshal(&types.RuntimeRequest{RuntimePath: runtime})
		if err != nil {
			t.Fatal(err)
		}
		request.Options = &anypb.Any{TypeUrl: "containerd.types.RuntimeRequest", Value: asked}
		answer, err := introspectionapi.NewIntrospectionClient(shared.conn).PluginInfo(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		info := new(types.RuntimeInfo)
		if err := proto.Unmarshal(answer.GetExtra().GetValue(), info); err != nil {
			t.Fatal(err)
		}
		return info
	}
	info := about(Prearm)
	if info.Name != Prearm {
		t.Errorf("the runtime's name is %q", info.Name)
	}
	features := string(info.GetFeatures().GetValue())
	for _, word := range []string{`"seccomp"`, `"mountOptions"`, `"namespaces"`} {
		if !strings.Contains(features, word) {
			t.Errorf("the features lack %s: %s", word, features)
		}
	}
}
