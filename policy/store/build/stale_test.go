package build

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prearm/prearm/policy/store"
)

// TestStale: however the folder changes, the index that was made before
// answers nothing any more, and the one made then says what the files say.
func TestStale(t *testing.T) {
	n := newNode(t)
	path := filepath.Join(n.dir, "a.yaml")
	n.stale("no index")
	n.expect("an empty folder", ":")

	n.write("a.yaml", blocks("a", "/bin/1"))
	n.stale("a new file")
	n.expect("a new file", "a: /bin/1")
	if s := n.build(); !s.Fresh {
		t.Errorf("made again without a change: %+v", s)
	}

	n.write("a.yaml", blocks("a", "/bin/2"))
	n.stale("edited in place, same size")
	n.expect("edited in place, same size", "a: /bin/2")

	info, err := os.Stat(path)
	n.must(err)
	n.write("a.yaml", blocks("a", "/bin/3"))
	n.must(os.Chtimes(path, info.ModTime(), info.ModTime()))
	n.stale("edited in place, times put back")
	n.expect("edited in place, times put back", "a: /bin/3")

	n.must(os.WriteFile(path+".new", []byte(blocks("a", "/bin/4")), 0o644))
	n.must(os.Chtimes(path+".new", info.ModTime(), info.ModTime()))
	n.must(os.Rename(path+".new", path))
	n.stale("replaced")
	n.expect("replaced", "a: /bin/4")

	n.must(os.Rename(path, filepath.Join(n.dir, "b.yaml")))
	n.stale("renamed")
	n.expect("renamed", "a: /bin/4")

	n.must(os.Rename(filepath.Join(n.dir, "b.yaml"), filepath.Join(n.dir, "b.yaml.off")))
	n.stale("renamed away")
	n.expect("renamed away", ":")

	n.must(os.Rename(filepath.Join(n.dir, "b.yaml.off"), path))
	n.stale("renamed back")
	n.expect("renamed back", "a: /bin/4")

	n.must(os.Remove(path))
	n.stale("removed")
	n.expect("removed", ":")

	n.write(".hidden.yaml", misses("x"))
	n.write("README.md", "not a policy")
	n.write("a.yaml~", misses("x"))
	n.must(os.Mkdir(filepath.Join(n.dir, "folder"), 0o755))
	n.must(os.WriteFile(filepath.Join(n.dir, "folder", "a.yaml"), []byte(misses("x")), 0o644))
	n.expect("files that are none", ":")

	n.write("a.yml", blocks("yml", "/bin/5"))
	n.write("a.json", `{"apiVersion": "security.kubearmor.com/v1", "kind": "KubeArmorPolicy", "metadata": {"name": "json", "namespace": "ns"}, `+
		`"spec": {"process": {"matchPaths": [{"path": "/bin/6"}]}}}`)
	n.expect("other endings", "json yml: /bin/6 /bin/5")
}

// TestProjectedVolume: a Kubernetes volume changes all files at once by
// turning one symlink.
func TestProjectedVolume(t *testing.T) {
	n := newNode(t)
	generation := func(name, path string) {
		n.must(os.Mkdir(filepath.Join(n.dir, name), 0o755))
		n.write(name+"/a.yaml", blocks("a", path))
		n.must(os.Symlink(name, filepath.Join(n.dir, "..new")))
		n.must(os.Rename(filepath.Join(n.dir, "..new"), filepath.Join(n.dir, "..data")))
	}
	generation("..1", "/bin/1")
	n.must(os.Symlink("..data/a.yaml", filepath.Join(n.dir, "a.yaml")))
	n.expect("the first generation", "a: /bin/1")
	generation("..2", "/bin/2")
	n.stale("another generation")
	n.expect("the second generation", "a: /bin/2")
	n.write("..2/a.yaml", blocks("a", "/bin/3"))
	n.stale("the target edited")
	n.expect("the target edited", "a: /bin/3")
	n.must(os.Remove(filepath.Join(n.dir, "..data")))
	n.stale("the link broken")
	n.expect("the link broken: the last good version", "a: /bin/3")
	n.must(os.Symlink("..1", filepath.Join(n.dir, "..data")))
	n.stale("the link back")
	n.expect("the link back", "a: /bin/1")
}

// TestEditedAtOnce edits files right behind the making of the index, where the
// kernel's clock may not have moved.
func TestEditedAtOnce(t *testing.T) {
	n := newNode(t)
	for i := range 100 {
		n.write("a.yaml", blocks("a", fmt.Sprintf("/bin/%03d", i)))
		n.expect("written", fmt.Sprintf("a: /bin/%03d", i))
		// Without truncation: no time between two versions.
		f, err := os.OpenFile(filepath.Join(n.dir, "a.yaml"), os.O_WRONLY, 0)
		n.must(err)
		_, err = f.WriteString(blocks("a", fmt.Sprintf("/BIN/%03d", i)))
		n.must(errors.Join(err, f.Close()))
		n.stale("edited at once")
		n.expect("edited at once", fmt.Sprintf("a: /BIN/%03d", i))
	}
}

// TestFolder: a folder that cannot be read is no empty folder.
func TestFolder(t *testing.T) {
	n := newNode(t)
	n.write("a.yaml", blocks("a", "/bin/1"))
	n.build()
	gone := n.dir + ".gone"
	n.must(os.Rename(n.dir, gone))
	unreadable := func(what string) {
		t.Helper()
		for _, err := range []error{second(store.Open(n.dir, n.index)), second(Build(n.dir, n.index, Options{}))} {
			if !errors.Is(err, store.ErrUnreadable) || errors.Is(err, store.ErrStale) || !strings.Contains(err.Error(), n.dir) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	unreadable("missing")
	n.must(os.WriteFile(n.dir, nil, 0o644))
	unreadable("a file")
	n.must(os.Remove(n.dir))
	n.must(os.Symlink(gone, n.dir))
	n.expect("a symlink", "a: /bin/1")

	elsewhere := newNode(t)
	elsewhere.index = n.index
	elsewhere.stale("another folder's index")
	elsewhere.expect("another folder", ":")
	n.stale("another folder's index")
}

func second[T any](_ T, err error) error { return err }

// TestReuse: files that did not change are not read again; all are if asked.
func TestReuse(t *testing.T) {
	n := newNode(t)
	for i := range 20 {
		n.write(fmt.Sprintf("%02d.yaml", i), blocks(fmt.Sprintf("p%02d", i), "/bin/x"))
	}
	n.build()
	n.build() // whatever was too fresh the first time
	n.write("05.yaml", blocks("p05", "/bin/y"))
	if s := n.build(); s.Files != 20 || s.Reused > 19 || s.Reused == 0 {
		t.Errorf("%+v", s)
	}
	sel, err := n.start(web)
	n.must(err)
	if len(sel.Policies) != 20 || sel.Rules[5].Object.Name != "/bin/y" {
		t.Errorf("%s", summary(sel))
	}
	s, err := Build(n.dir, n.index, Options{Force: true})
	n.must(err)
	if s.Fresh || s.Reused != 0 || s.Files != 20 {
		t.Errorf("%+v", s)
	}
}
