package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/prearm/prearm/policy"
)

func TestParse(t *testing.T) {
	data, err := os.ReadFile("testdata/full.toml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(data, "full.toml")
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Policies:        "/srv/policies",
		State:           "/run/p",
		Cache:           "/var/cache/p",
		BPFFS:           "/sys/fs/bpf/p",
		Runc:            "/usr/local/sbin/runc",
		Prearm:          "/opt/prearm/prearm",
		Hook:            "/opt/prearm/prearm-hook",
		Posture:         policy.Posture{File: policy.Audit, Network: policy.Block, Capabilities: policy.Audit},
		AllowEntrypoint: true,
		Enforcer:        EnforcerBoth,
		OnResidual:      Refuse,
		OnUnenforceable: Warn,
		LogLevel:        "debug",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got.IndexPath() != "/var/cache/p/policies.index" {
		t.Errorf("index at %s", got.IndexPath())
	}
}

func TestParseOverDefaults(t *testing.T) {
	got, err := Parse([]byte(`posture.network = "audit"`), "x")
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Posture.Network = policy.Audit
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if err := got.checkApart(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"\npolices = \"/a\"\n", `c.toml:2:1: unknown key "polices"`},
		{"[posture]\nfiles = \"block\"\n", `c.toml:2:1: unknown key "posture.files"`},
		{"policies = 7", "c.toml:1:12: "},
		{"policies = \"/a\"\npolicies = \"/b\"", "c.toml:2:1: "},
		{"policies = ", "c.toml:1:"},
		{`policies = "a/b"`, `c.toml: policies is "a/b"; it must be an absolute path`},
		{`state = ""`, `state is ""; it must be an absolute path`},
		{`cache = "/a/../b"`, `cache is "/a/../b"; write it as "/b"`},
		{`cache = "/a/"`, `write it as "/a"`},
		{`bpffs = "/"`, "bpffs cannot be the root folder"},
		{`hook = "prearm-hook"`, `hook is "prearm-hook"; it must be an absolute path`},
		{`hook = "/a\u0000b"`, "a path has no NUL"},
		{`posture.file = "Block"`, `posture.file is "Block"; it is "block" or "audit"`},
		{`on_residual = "ignore"`, `on_residual is "ignore"; it is one of warn, refuse`},
		{`on_unenforceable = ""`, `on_unenforceable is ""`},
		{`enforcer = "selinux"`, `enforcer is "selinux"; it is one of auto, bpf, apparmor, both`},
		{`log_level = "loud"`, `log_level is "loud"`},
		{`cache = "/etc/prearm/policies/cache"`, "cache (/etc/prearm/policies/cache) lies within policies (/etc/prearm/policies)"},
		{`cache = "/run/prearm"`, "give each a folder of its own"},
		{`BinaryName = "runc"`, `unknown key "BinaryName"`},
	} {
		_, err := Parse([]byte(c.text), "c.toml")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.text, err, c.want)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(filepath.Join(dir, "none.toml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a named file that is missing: %v", err)
	}
	path := filepath.Join(dir, "c.toml")
	write(t, path, `state = "/run/other"`)
	c, err := Load(path)
	if err != nil || c.State != "/run/other" {
		t.Errorf("got %+v, %v", c, err)
	}
	write(t, path, "#"+strings.Repeat("x", maxSize))
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a huge file: %v", err)
	}
}

func TestFromOptions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.toml")
	write(t, path, "state = \"/run/file\"\ncache = \"/var/file\"\n")
	body := `
BinaryName = "/usr/bin/crun"
ConfigPath = "` + path + `"
IoUid = 1000
IoGid = 1001
NoNewKeyring = true
NoPivotRoot = true
Root = "/run/crun"
ShimCgroup = "/shims"
SystemdCgroup = true
CriuPath = "/usr/sbin/criu"
CriuImagePath = "/a"
CriuWorkPath = "/b"
cache = "/var/options"
on_residual = "refuse"

[posture]
file = "audit"
`
	c, runc, err := FromOptions(body)
	if err != nil {
		t.Fatal(err)
	}
	wantRunc := Runc{
		BinaryName: "/usr/bin/crun", Root: "/run/crun", SystemdCgroup: true, NoPivotRoot: true, NoNewKeyring: true,
		ShimCgroup: "/shims", IoUid: 1000, IoGid: 1001,
		CriuPath: "/usr/sbin/criu", CriuImagePath: "/a", CriuWorkPath: "/b",
	}
	if runc != wantRunc {
		t.Errorf("got %+v\nwant %+v", runc, wantRunc)
	}
	want := Default()
	want.State, want.Cache, want.OnResidual, want.Posture.File = "/run/file", "/var/options", Refuse, policy.Audit
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v\nwant %+v", c, want)
	}
}

func TestFromOptionsPrefersOurRunc(t *testing.T) {
	_, runc, err := FromOptions("BinaryName = \"/a/runc\"\nrunc = \"/b/runc\"\n")
	if err != nil || runc.BinaryName != "/b/runc" {
		t.Errorf("got %+v, %v", runc, err)
	}
}

func TestFromOptionsErrors(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{"SystemdCgrup = true", `runtime options:1:1: unknown key "SystemdCgrup"`},
		{`ConfigPath = "relative"`, "ConfigPath is \"relative\""},
		{`ConfigPath = "/nowhere/at/all.toml"`, "no such file"},
		{`state = "x"`, "runtime options: state is"},
		{`Runc.BinaryName = "x"`, "runtime options:1:6"},
	} {
		_, _, err := FromOptions(c.body)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.body, err, c.want)
		}
	}
}

func TestHookPathBesideTheExecutable(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Default().HookPath()
	if err != nil || got != filepath.Join(filepath.Dir(self), "prearm-hook") {
		t.Errorf("got %s, %v", got, err)
	}
	c := Default()
	c.Prearm = "/opt/prearm"
	if got, err := c.PrearmPath(); err != nil || got != "/opt/prearm" {
		t.Errorf("got %s, %v", got, err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
