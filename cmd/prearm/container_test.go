package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// run calls the tool in this process.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	root := newRoot()
	var out bytes.Buffer
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(context.Background())
	return out.String(), err
}

// containerd starts a daemon of the test's own and gives its socket.
func containerd(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	conf := file("config.toml", `version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri"]
`)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	socket := filepath.Join(dir, "containerd.sock")
	daemon := exec.Command("containerd", "--config", conf, "--address", socket,
		"--root", filepath.Join(dir, "root"), "--state", filepath.Join(dir, "state"))
	daemon.Stderr = log
	if err := daemon.Start(); err != nil {
		t.Fatalf("this test needs containerd: %v", err)
	}
	t.Cleanup(func() {
		if err := daemon.Process.Signal(unix.SIGTERM); err != nil {
			t.Error(err)
		}
		_ = daemon.Wait() // it was told to end
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		if _, err := containerdVersion(ctx, socket); err == nil {
			return socket
		}
		select {
		case <-ctx.Done():
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("containerd does not answer: %s", text)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestExplainContainer(t *testing.T) {
	socket := containerd(t)
	rootfs, policies := t.TempDir(), t.TempDir()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatalf("this test needs busybox-static: %v", err)
	}
	data, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		filepath.Join(rootfs, "usr/bin/busybox"): data,
		filepath.Join(policies, "p.yaml"): []byte(`
apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata: {name: p, namespace: default, annotations: {prearm.dev/syscalls: enforce}}
spec:
  selector: {matchLabels: {app: web}}
  capabilities:
    matchCapabilities:
    - capability: net_raw
  process:
    matchPaths:
    - path: /bin/busybox
  syscalls:
    matchSyscalls:
    - syscall: [mount]
`),
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, text, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("usr/bin", filepath.Join(rootfs, "bin")); err != nil {
		t.Fatal(err)
	}
	ctr := func(args ...string) {
		t.Helper()
		out, err := exec.Command("ctr", append([]string{"--address", socket}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("ctr %v: %v: %s", args, err, out)
		}
	}
	ctr("container", "create", "--rootfs", "--label", "app=web", "--seccomp", "--mount", "type=bind,src=/run,dst=/mnt,options=rbind:rw",
		"--cap-add", "CAP_SYS_ADMIN", rootfs, "explained", "/bin/busybox", "sleep", "1000")

	explain := func() explanation {
		t.Helper()
		out, err := run(t, "explain", "--address", socket, "--container", "explained", "--policies", policies, "-o", "json")
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		var e explanation
		if err := json.Unmarshal([]byte(out), &e); err != nil {
			t.Fatal(err)
		}
		return e
	}
	look := func(e explanation) {
		t.Helper()
		if e.Subject.Labels["app"] != "web" || e.Subject.Namespace != "default" {
			t.Errorf("subject %+v", e.Subject)
		}
		if len(e.Rules) != 3 {
			t.Fatalf("rules %+v", e.Rules)
		}
		for _, r := range e.Rules {
			if r.Object.Name == "/bin/busybox" && (len(r.Objects) != 1 || r.Objects[0] != "/usr/bin/busybox") {
				t.Errorf("the path is resolved to %v", r.Objects)
			}
		}
		if e.Entrypoint == nil || !strings.Contains(e.Entrypoint.Denied, "/usr/bin/busybox is denied by default/p: process.matchPaths[0]") {
			t.Errorf("entrypoint %+v", e.Entrypoint)
		}
		outside, notes := strings.Join(e.Outside, "; "), strings.Join(e.Notes, "; ")
		if !strings.Contains(outside, "CAP_SYS_ADMIN") || !strings.Contains(outside, "/run is mounted into it") {
			t.Errorf("outside the promise: %s", outside)
		}
		if !strings.Contains(notes, "runs under io.containerd.runc.v2, which enforces nothing") {
			t.Errorf("notes: %s", notes)
		}
	}
	look(explain()) // through the root file system's folder

	ctr("task", "start", "--detach", "explained")
	t.Cleanup(func() { ctr("task", "delete", "--force", "explained") })
	look(explain()) // through its first process

	out, err := run(t, "explain", "--address", socket, "--container", "explained", "--policies", policies, "-o", "seccomp")
	if err != nil || !strings.Contains(out, `"SCMP_ACT_ERRNO"`) || !strings.Contains(out, `"accept4"`) {
		t.Errorf("the filter is not the container's own with ours: %v: %s", err, out)
	}
	out, err = run(t, "explain", "--address", socket, "--container", "unheard-of", "--policies", policies)
	if err == nil || !strings.Contains(err.Error(), "has no container unheard-of in its namespace default") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestPlainText: what comes from a policy or a label cannot move the cursor.
func TestPlainText(t *testing.T) {
	out, err := run(t, "explain", "--policies", t.TempDir(), "-n", "a\x1b[31mb", "-l", "k=\x07")
	if err != nil || strings.ContainsAny(out, "\x1b\x07") || !strings.Contains(out, `a\x1b[31mb`) {
		t.Errorf("%v: %q", err, out)
	}
}
