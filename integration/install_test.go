//go:build integration

package integration

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// site is what the administrator of a node has in containerd's configuration
// before prearm comes: here, what this machine and its images need. If it did
// not survive, no pod would start.
const site = `    sandbox_image = "` + PauseImage + `"
    restrict_oom_score_adj = true
    tolerate_missing_hugetlb_controller = true
`

// noTCP is a policy that is enforced with or without AppArmor.
const noTCP = `apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata: {name: no-tcp, namespace: default}
spec:
  selector: {matchLabels: {app: db}}
  network:
    matchProtocols: [{protocol: tcp}]
  action: Block
`

// debian is the Debian of one test.
type debian struct {
	*testing.T
	*Debian
}

// TestInstall takes a clean Debian from nothing to an enforced and a refused
// container, with the commands that the README gives; upgrades the package
// under running containers; and takes it away again, every file in /etc being
// what it was.
func TestInstall(t *testing.T) {
	if shared.Slow {
		t.Skip("a Debian system is installed natively only: what differs in the VMs is the kernel, which other tests judge")
	}
	made, err := NewDebian(filepath.Join(shared.Images, "debian"))
	if err != nil {
		t.Fatal(err)
	}
	s := &debian{t, made}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("containerd's log:\n%s", made.Log(max(0, made.LogEnd()-8000)))
		}
		if err := made.Stop(); err != nil {
			t.Error(err)
		}
	})
	first := s.pack("1.0", shared.Bin)
	second := s.pack("1.1~next", s.nextRelease())

	s.must(s.Bring(first))
	s.must(os.WriteFile(s.path("/etc/apt/apt.conf.d/90test"), []byte(`APT::Get::Assume-Yes "true";`), 0o644))
	s.must(os.WriteFile(s.path("/root/my-policy.yaml"), []byte(s.readme("yaml")[0]), 0o644))
	clean := s.readmeInstalls()
	s.asksContainerd()
	s.must(os.WriteFile(s.path("/etc/prearm/policies/no-tcp.yaml"), []byte(noTCP), 0o644))

	s.refused("web", "/bin/sleep", "1")
	s.permitted("other", "/act/tcp")
	s.permitted("db", "/act/nothing")
	s.denied("db", "/act/tcp")

	s.staysUnderContainers()
	s.upgrades(second)
	s.uninstalls(clean)
	s.purges(clean)
}

// TestInstallPerContainerd gives the entry to each containerd, for each form
// that its configuration may have: it sees the runtime and nothing else that
// is new, and afterwards the file is what it was.
func TestInstallPerContainerd(t *testing.T) {
	if shared.Slow {
		t.Skip("what containerd makes of its configuration does not depend on the kernel")
	}
	daemons, err := filepath.Glob(filepath.Join(shared.Tools, "containerd-*", "containerd"))
	if err != nil || len(daemons) == 0 {
		t.Fatalf("containerds to install for, in %s (make engines builds them): %v, %v", shared.Tools, daemons, err)
	}
	forms := map[string]string{
		"no file":   "",
		"version 1": "[plugins.cri]\nsandbox_image = \"site\"\n",
		"version 2": "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = \"site\"\n",
		"with runc": "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\nruntime_type = \"io.containerd.runc.v2\"\n",
		"version 3": "version = 3\n[plugins.\"io.containerd.cri.v1.runtime\".containerd]\ndefault_runtime_name = \"runc\"\n",
		"imports":   "version = 3\nimports = [\"/etc/containerd/more.toml\"]\n",
		"conf.d":    "version = 3\nimports = [\"/etc/containerd/conf.d/*.toml\"]\n",
		"no CRI":    "disabled_plugins = [\"cri\"]\n",
	}
	for _, daemon := range daemons {
		old := strings.HasPrefix(filepath.Base(filepath.Dir(daemon)), "containerd-1.")
		for name, text := range forms {
			if old && strings.HasPrefix(text, "version = 3") {
				continue
			}
			t.Run(filepath.Base(filepath.Dir(daemon))+"/"+name, func(t *testing.T) { installFor(t, daemon, text) })
		}
	}
}

// installFor installs into a root with that containerd and configuration.
func installFor(t *testing.T, daemon, text string) {
	root := t.TempDir()
	config := filepath.Join(root, "etc/containerd/config.toml")
	for _, dir := range []string{"etc/containerd", "usr/bin"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyFile(daemon, filepath.Join(root, "usr/bin/containerd")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "etc/containerd/more.toml"), []byte("version = 3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if text != "" {
		if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	prearm := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(filepath.Join(shared.Bin, "prearm"), append(args, "--root", root)...).CombinedOutput()
		if err != nil {
			t.Fatalf("prearm %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	prearm("install", "--default-runtime")
	if out := prearm("install"); !strings.Contains(out, "nothing to do") {
		t.Errorf("a second run said:\n%s", out)
	}
	dump := exec.Command("/usr/bin/containerd", "config", "dump")
	dump.Path, dump.Dir = "/usr/bin/containerd", "/"
	dump.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	seen, err := dump.Output()
	if err != nil {
		t.Fatalf("containerd refuses its configuration: %v", err)
	}
	if !strings.Contains(text, "disabled_plugins") {
		for _, want := range []string{Prearm, "io.containerd.runc.v2", "default_runtime_name = "} {
			if !bytes.Contains(seen, []byte(want)) {
				t.Errorf("containerd's view of its configuration lacks %s", want)
			}
		}
	}
	if strings.Contains(text, "site") && !bytes.Contains(seen, []byte("site")) {
		t.Error("the site's setting is lost")
	}
	prearm("uninstall")
	after, err := os.ReadFile(config)
	if text == "" && !os.IsNotExist(err) || text != "" && (err != nil || string(after) != text) {
		t.Errorf("uninstalled, the file is %q, %v, and was %q", after, err, text)
	}
}

// readmeInstalls runs the commands of the README's first section on
// installing, and returns what was in /etc before prearm install.
func (s *debian) readmeInstalls() (clean map[string]string) {
	s.Helper()
	for _, line := range strings.Split(s.readme("sh")[1], "\n") {
		command, _, _ := strings.Cut(line, "#")
		command = strings.TrimSpace(command)
		switch {
		case command == "", strings.HasPrefix(command, "make "):
		case command == "systemctl restart containerd":
			s.must(s.Restart(s.Context()))
			s.must(s.load(s.Context(), PauseImage, shared.busybox, ImageConfig{Entrypoint: []string{"/act/pause"}}))
			s.must(s.load(s.Context(), PodImage, shared.busybox, ImageConfig{Env: []string{"PATH=/bin:/act"}}))
		case strings.HasSuffix(command, "| kubectl apply -f -"):
			out := s.do(strings.TrimSuffix(command, "| kubectl apply -f -"))
			if !strings.Contains(out, "kind: RuntimeClass") || !strings.Contains(out, "handler: "+HandlerPrearm) {
				s.Errorf("%s printed no RuntimeClass:\n%s", command, out)
			}
		case strings.HasPrefix(command, "apt "):
			s.do(command)
			s.configure()
			s.must(s.Restart(s.Context())) // as the package of containerd does
			clean = s.files("/etc")
		default:
			s.do(command)
		}
	}
	if clean == nil {
		s.Fatal("the README installs no package")
	}
	if out := s.do("prearm install"); !strings.Contains(out, "nothing to do: prearm is installed") {
		s.Errorf("prearm install again said:\n%s", out)
	}
	return clean
}

// configure adds the site's settings to the file that Debian's package has.
func (s *debian) configure() {
	s.Helper()
	path := s.path("/etc/containerd/config.toml")
	text, err := os.ReadFile(path)
	s.must(err)
	const table = "  [plugins.\"io.containerd.grpc.v1.cri\"]\n"
	if bytes.Count(text, []byte(table)) != 1 {
		s.Fatalf("Debian's containerd has another configuration:\n%s", text)
	}
	s.must(os.WriteFile(path, bytes.Replace(text, []byte(table), []byte(table+site), 1), 0o644))
}

// asksContainerd has prearm install edit what this containerd cannot read,
// though it is right for another.
func (s *debian) asksContainerd() {
	s.Helper()
	s.must(os.MkdirAll(s.path("/etc/other"), 0o755))
	config := s.path("/etc/other/config.toml")
	s.must(os.WriteFile(config, []byte("version = 3\n"), 0o644))
	before := s.files("/")
	r, err := s.Shell(s.Context(), "prearm install --containerd-config /etc/other/config.toml")
	s.must(err)
	if r.Exit == 0 || !strings.Contains(r.Stderr, "everything was put back as it was") {
		s.Errorf("prearm install for a containerd that is too old exited with %d: %s", r.Exit, r.Stderr)
	}
	if diff := differ(before, s.files("/")); len(diff) > 0 {
		s.Errorf("it left changes: %v", diff)
	}
	s.must(os.RemoveAll(s.path("/etc/other")))
}

// staysUnderContainers tries to take prearm away from a container.
func (s *debian) staysUnderContainers() {
	s.Helper()
	pod := s.pod("db")
	c := s.start(pod, "/act/pause")
	s.execDenied(c, "at first")
	before := s.files("/etc")
	for _, command := range []string{"prearm uninstall", "apt remove prearm", "apt purge prearm"} {
		r, err := s.Shell(s.Context(), command)
		s.must(err)
		if out := r.Stdout + r.Stderr; r.Exit == 0 || !strings.Contains(out, pod.ID) {
			s.Errorf("%s while a pod runs exited with %d, or did not name it:\n%s", command, r.Exit, out)
		}
	}
	if diff := differ(before, s.files("/etc")); len(diff) > 0 {
		s.Errorf("refused, it still changed %v", diff)
	}
	s.execDenied(c, "after refused removals")
	s.must(c.Remove(s.Context()))
	s.must(pod.Remove(s.Context()))
	s.denied("db", "/act/tcp")
}

// upgrades installs another release, with other cgroup programs, beside a
// container that runs.
func (s *debian) upgrades(pkg string) {
	s.Helper()
	pod := s.pod("db")
	c := s.start(pod, "/act/pause")
	old := s.versions()
	s.must(s.Bring(pkg))
	s.do("apt install ./build/prearm_*.deb")
	s.execDenied(c, "after the upgrade")
	// The pod is served by the shim of before, the programs around it are new.
	if r := s.run(pod, "/act/tcp"); r.Exit != int(unix.EACCES) {
		s.Errorf("another container of the pod ended with %d after the upgrade", r.Exit)
	}
	s.must(s.Restart(s.Context()))
	s.execDenied(c, "after containerd's restart")
	s.denied("db", "/act/tcp")
	if now := s.versions(); len(now) != 2 || !slices.Contains(now, old[0]) {
		s.Errorf("pinned programs: %v before the upgrade, %v while containers of both run", old, now)
	}
	s.must(c.Remove(s.Context()))
	s.must(pod.Remove(s.Context()))
	s.do("prearm bpf load")
	if now := s.versions(); len(now) != 1 || slices.Contains(now, old[0]) {
		s.Errorf("pinned programs: %v before the upgrade, %v once nobody needs these", old, now)
	}
	if out := s.do("prearm install"); !strings.Contains(out, "nothing to do") {
		s.Errorf("prearm install after the upgrade said:\n%s", out)
	}
}

// uninstalls gives the node back as it was; the package is still there.
func (s *debian) uninstalls(clean map[string]string) {
	s.Helper()
	s.must(os.Remove(s.path("/etc/prearm/policies/my-policy.yaml")))
	s.must(os.Remove(s.path("/etc/prearm/policies/no-tcp.yaml")))
	s.do("prearm hook install")
	out := s.do("prearm uninstall")
	if _, err := os.Stat(s.path("/usr/share/containers/oci/hooks.d/zz-prearm.json")); err == nil {
		s.Error("podman would still call prearm")
	}
	if !strings.Contains(out, "systemctl restart containerd") {
		s.Errorf("prearm uninstall does not say what is left to do:\n%s", out)
	}
	if diff := differ(clean, s.files("/etc")); len(diff) > 0 {
		s.Errorf("prearm uninstall left these files of /etc other than they were: %v", diff)
	}
	if left := s.traces(); len(left) > 0 {
		s.Errorf("prearm uninstall left %v", left)
	}
	s.must(s.Restart(s.Context()))
	if _, err := s.RunPod(s.Context(), HandlerPrearm, s.config("db")); err == nil {
		s.Error("a pod under prearm started without prearm")
	}
	pod, err := s.RunPod(s.Context(), "", s.config("db"))
	s.must(err)
	if r := s.run(pod, "/act/tcp"); r.Exit != 0 {
		s.Errorf("under runc, with prearm uninstalled, it ended with %d", r.Exit)
	}
	s.must(pod.Remove(s.Context()))
}

// purges takes the package away, after a new prearm install.
func (s *debian) purges(clean map[string]string) {
	s.Helper()
	s.do("prearm install --default-runtime")
	s.must(s.Restart(s.Context()))
	s.must(os.WriteFile(s.path("/etc/prearm/policies/no-tcp.yaml"), []byte(noTCP), 0o644))
	pod, err := s.RunPod(s.Context(), "", s.config("db"))
	s.must(err)
	if r := s.run(pod, "/act/tcp"); r.Exit != int(unix.EACCES) {
		s.Errorf("under the default runtime, which is prearm, it ended with %d", r.Exit)
	}
	s.must(pod.Remove(s.Context()))
	s.do("apt purge prearm")
	for path := range clean {
		if strings.Contains(path, "prearm") {
			delete(clean, path)
		}
	}
	if diff := differ(clean, s.files("/etc")); len(diff) > 0 {
		s.Errorf("purging left these files of /etc other than they were: %v", diff)
	}
	if left := s.traces(); len(left) > 0 {
		s.Errorf("purging left %v", left)
	}
	var left []string
	s.must(filepath.WalkDir(s.Root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(path, s.Root)
		if slices.Contains([]string{"/proc", "/sys", "/dev", "/tmp", "/root", "/run/containerd", "/var/lib/containerd", "/var/log"}, rel) {
			return fs.SkipDir
		}
		if strings.Contains(d.Name(), "prearm") {
			left = append(left, rel)
		}
		return nil
	}))
	if len(left) > 0 {
		s.Errorf("purging left %v", left)
	}
}
