//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// projected is a volume as a kubelet writes projected tokens and config maps:
// its files are links through ..data, which is a link to a folder of this
// generation.
type projected struct {
	dir        string
	generation int
}

// write replaces the volume's files by those of another generation.
func (p *projected) write(files map[string]string) error {
	p.generation++
	name := fmt.Sprintf("..2026_11_23_12_00_%02d.%09d", p.generation, 123456*p.generation)
	folder, link := filepath.Join(p.dir, name), filepath.Join(p.dir, "..data")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o644); err != nil {
			return err
		}
	}
	old, err := os.Readlink(link)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := os.Symlink(name, link+"_tmp"); err != nil {
		return err
	}
	if err := os.Rename(link+"_tmp", link); err != nil {
		return err
	}
	for file := range files {
		err := os.Symlink(filepath.Join("..data", file), filepath.Join(p.dir, file))
		if err != nil && !os.IsExist(err) {
			return err
		}
	}
	if old == "" {
		return nil
	}
	return os.RemoveAll(filepath.Join(p.dir, old))
}

// TestCRIProjectedToken denies a pod's token, and nothing else of its volume,
// by the path that people know it by, before and after it was renewed.
func TestCRIProjectedToken(t *testing.T) {
	leaveTo(t, "6.12")
	if !shared.paths() {
		t.Skip("the kernel has neither AppArmor nor the guard, so that nothing enforces file rules")
	}
	k := newKubelet(t)
	const at = "/var/run/secrets/kubernetes.io/serviceaccount"
	k.policy("token", "  file:\n    matchPaths:\n    - path: "+at+"/token")
	volume := &projected{dir: filepath.Join(k.Scratch, k.namespace, "token")}
	k.Cleanup(func() { k.check(os.RemoveAll(filepath.Dir(volume.dir))) })
	files := func() map[string]string {
		return map[string]string{"token": fmt.Sprintf("token %d\n", volume.generation), "ca.crt": fmt.Sprintf("ca %d\n", volume.generation)}
	}
	k.must(volume.write(files()))
	config := ContainerConfig("main", "/act/pause")
	config.Mounts = []*cri.Mount{{ContainerPath: at, HostPath: volume.dir, Readonly: true}}
	open, held := k.start(k.pod(HandlerRunc), config), k.start(k.pod(HandlerPrearm), config)
	for range 2 {
		for _, dir := range []string{at, "/run" + strings.TrimPrefix(at, "/var/run"), at + "/..data", at + "/..2026*"} {
			read := func(c *PodContainer, file string) Result {
				return k.exec(c, "/bin/sh", "-c", "cat "+dir+"/"+file)
			}
			generation := volume.generation - 1
			if r := read(open, "token"); r.Stdout != fmt.Sprintf("token %d\n", generation) {
				t.Errorf("%s/token without the policy: %+v", dir, r)
			}
			if r := read(held, "ca.crt"); r.Stdout != fmt.Sprintf("ca %d\n", generation) {
				t.Errorf("%s/ca.crt: %+v", dir, r)
			}
			if r := read(held, "token"); r.Exit == 0 || !strings.Contains(r.Stderr, "Permission denied") {
				t.Errorf("%s/token of generation %d: %+v", dir, generation, r)
			}
		}
		k.must(volume.write(files()))
	}
}
