package shim

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// TestSpecKeepsWhatItDoesNotKnow: config.json may come from a containerd with
// a newer specification than the one that the shim was built with.
func TestSpecKeepsWhatItDoesNotKnow(t *testing.T) {
	bundle := t.TempDir()
	before := `{
		"ociVersion": "9.9.9", "future": {"a": [1, 2]},
		"root": {"path": "rootfs", "later": true},
		"process": {"args": ["/bin/true"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "newField": 7,
			"apparmorProfile": "theirs"},
		"hooks": {"prestart": [{"path": "/p"}]},
		"linux": {"cgroupsPath": "/x", "netDevices": {"eth0": {}}}
	}`
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := readSpec(bundle)
	if err != nil {
		t.Fatal(err)
	}
	f.Process.ApparmorProfile = "ours//&theirs"
	f.Process.Capabilities = &specs.LinuxCapabilities{Bounding: []string{"CAP_CHOWN"}}
	f.Hooks.CreateRuntime = []specs.Hook{{Path: "/h"}}
	if err := f.write(); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	want := `{
		"ociVersion": "9.9.9", "future": {"a": [1, 2]},
		"root": {"path": "rootfs", "later": true},
		"process": {"args": ["/bin/true"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "newField": 7,
			"apparmorProfile": "ours//&theirs", "capabilities": {"bounding": ["CAP_CHOWN"]}},
		"hooks": {"prestart": [{"path": "/p"}], "createRuntime": [{"path": "/h"}]},
		"linux": {"cgroupsPath": "/x", "netDevices": {"eth0": {}}}
	}`
	if !sameJSON(t, string(after), want) {
		t.Errorf("got %s", after)
	}
}

func TestSpecWithoutProcessIsRefused(t *testing.T) {
	for _, spec := range []string{`{}`, `null`, `{"process":{},"root":{}}`, `[`, `{"process":null,"root":{},"linux":{}}`} {
		bundle := t.TempDir()
		if err := os.WriteFile(filepath.Join(bundle, "config.json"), []byte(spec), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readSpec(bundle); err == nil {
			t.Errorf("%s was accepted", spec)
		}
	}
}

func TestCgroupDriverIsReadOffThePath(t *testing.T) {
	for path, want := range map[string]bool{
		"kubepods-burstable.slice:cri-containerd:abc": true,
		"system.slice:prefix:name":                    true,
		"/default/abc":                                false,
		"/kubepods/pod:1:2/abc":                       false,
		"":                                            false,
	} {
		if got := systemdCgroup(path); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}
