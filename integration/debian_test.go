//go:build integration

package integration

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/prearm/prearm/bpf"
)

// pack makes a package of the programs in bin.
func (s *debian) pack(version, bin string) string {
	s.Helper()
	cmd := exec.Command(filepath.Join(shared.Sources, "cmd/prearm/deb/build"), bin, filepath.Join(s.Scratch, "packages"))
	cmd.Env = append(os.Environ(), "VERSION="+version, "DEB_COMPRESSION=none", "SOURCE_DATE_EPOCH=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		s.Fatalf("build a package: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// nextRelease is a folder of programs whose cgroup programs are another
// version: in the object that they carry, a byte differs that the ELF format
// leaves unused.
func (s *debian) nextRelease() string {
	s.Helper()
	object, err := os.ReadFile(filepath.Join(shared.Sources, "bpf/prearm_bpfel.o"))
	s.must(err)
	other := bytes.Clone(object)
	other[15] ^= 1
	dir := filepath.Join(s.Scratch, "next")
	s.must(os.Mkdir(dir, 0o755))
	names, err := filepath.Glob(filepath.Join(shared.Bin, "*prearm*"))
	s.must(err)
	changed := 0
	for _, name := range names {
		program, err := os.ReadFile(name)
		s.must(err)
		changed += bytes.Count(program, object)
		s.must(os.WriteFile(filepath.Join(dir, filepath.Base(name)), bytes.ReplaceAll(program, object, other), 0o755))
	}
	if changed == 0 {
		s.Fatal("no program carries the cgroup programs as they are in bpf")
	}
	return dir
}

// readme gives the README's code blocks of a language.
func (s *debian) readme(language string) []string {
	s.Helper()
	text, err := os.ReadFile(filepath.Join(shared.Sources, "README.md"))
	s.must(err)
	var blocks []string
	for rest := string(text); ; {
		_, after, ok := strings.Cut(rest, "\n```"+language+"\n")
		if !ok {
			return blocks
		}
		block, after, _ := strings.Cut(after, "\n```\n")
		blocks, rest = append(blocks, block), after
	}
}

// do runs a command that must succeed and returns what it printed.
func (s *debian) do(line string) string {
	s.Helper()
	r, err := s.Shell(s.Context(), line)
	s.must(err)
	if r.Exit != 0 {
		s.Fatalf("%s exited with %d:\n%s%s", line, r.Exit, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// config is a pod in the machine's own network, which takes no plugins.
func (s *debian) config(app string) *cri.PodSandboxConfig {
	config := s.PodConfig("default", app, map[string]string{"app": app})
	config.Hostname = ""
	config.Linux.SecurityContext.NamespaceOptions.Network = cri.NamespaceMode_NODE
	return config
}

func (s *debian) pod(app string) *Pod {
	s.Helper()
	pod, err := s.RunPod(s.Context(), HandlerPrearm, s.config(app))
	s.must(err)
	s.Cleanup(func() { s.must(pod.Remove(s.Context())) })
	return pod
}

func (s *debian) start(pod *Pod, command ...string) *PodContainer {
	s.Helper()
	c, err := pod.Create(s.Context(), s.container(pod, command...))
	s.must(err)
	s.must(c.Start(s.Context()))
	return c
}

func (s *debian) container(pod *Pod, command ...string) *cri.ContainerConfig {
	config := ContainerConfig(fmt.Sprintf("c%d", s.serial.Add(1)), command...)
	config.Linux.SecurityContext.NamespaceOptions = pod.Config.Linux.SecurityContext.NamespaceOptions
	return config
}

func (s *debian) run(pod *Pod, command ...string) Result {
	s.Helper()
	r, err := pod.Run(s.Context(), s.container(pod, command...))
	s.must(err)
	return r
}

func (s *debian) permitted(app string, command ...string) {
	s.Helper()
	pod := s.pod(app)
	if r := s.run(pod, command...); r.Exit != 0 {
		s.Errorf("%s in a pod of app=%s ended with %d", command, app, r.Exit)
	}
	s.must(pod.Remove(s.Context()))
}

func (s *debian) denied(app string, command ...string) {
	s.Helper()
	pod := s.pod(app)
	if r := s.run(pod, command...); r.Exit != int(unix.EACCES) {
		s.Errorf("%s in a pod of app=%s ended with %d, want EACCES", command, app, r.Exit)
	}
	s.must(pod.Remove(s.Context()))
}

func (s *debian) refused(app string, command ...string) {
	s.Helper()
	pod := s.pod(app)
	r, err := pod.Run(s.Context(), s.container(pod, command...))
	if err == nil || !strings.Contains(err.Error(), "prearm: judge:") || !strings.Contains(err.Error(), "process.matchPaths[0]") {
		s.Errorf("%s in a pod of app=%s: %+v, %v; want a refused start that names the rule", command, app, r, err)
	}
	s.must(pod.Remove(s.Context()))
}

func (s *debian) execDenied(c *PodContainer, when string) {
	s.Helper()
	r, err := c.ExecSync(s.Context(), "/act/tcp")
	s.must(err)
	if r.Exit != int(unix.EACCES) {
		s.Errorf("%s, /act/tcp in the running container ended with %d, want EACCES", when, r.Exit)
	}
}

// versions lists the sets of cgroup programs that are pinned.
func (s *debian) versions() []string {
	s.Helper()
	entries, err := os.ReadDir(s.Node.BPFFS)
	s.must(err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// traces are what prearm left on the system beside files of its package.
func (s *debian) traces() []string {
	s.Helper()
	var left []string
	if _, err := bpf.OpenPinned(s.Node.BPFFS); err == nil {
		left = append(left, "pins")
	}
	for _, dir := range []string{s.Node.State, s.Node.Cache} {
		if _, err := os.Lstat(dir); err == nil {
			left = append(left, dir)
		}
	}
	profiles, err := Profiles()
	s.must(err)
	return append(left, profiles...)
}

// files are all that a folder holds, with what identifies them.
func (s *debian) files(dir string) map[string]string {
	s.Helper()
	all := make(map[string]string)
	s.must(filepath.WalkDir(s.path(dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if slices.Contains([]string{"/proc", "/sys", "/dev", "/run", "/tmp", "/var/lib/containerd"}, strings.TrimPrefix(path, s.Root)) {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		var data []byte
		switch {
		case d.Type().IsRegular():
			data, err = os.ReadFile(path)
		case d.Type() == fs.ModeSymlink:
			var target string
			target, err = os.Readlink(path)
			data = []byte(target)
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		all[strings.TrimPrefix(path, s.Root)] = fmt.Sprintf("%v %d:%d %x", info.Mode(), st.Uid, st.Gid, sha256.Sum256(data))
		return err
	}))
	return all
}

// differ lists the paths at which two folders differ.
func differ(a, b map[string]string) []string {
	var paths []string
	for path := range a {
		if a[path] != b[path] {
			paths = append(paths, path)
		}
	}
	for path := range b {
		if _, ok := a[path]; !ok {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

func (s *debian) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}
