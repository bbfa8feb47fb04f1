package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
)

func TestNeverGood(t *testing.T) {
	n := newNode(t)
	n.write("good.yaml", blocks("good", "/bin/1"))
	n.write("elsewhere.yaml", blocksIn("other", "p", "/bin/2"))

	n.write("bad.yaml", misses("bad"))
	n.refuse("a bad policy", filepath.Join(n.dir, "bad.yaml")+":7:7", "spec.process.matchPaths[0].pth", "unknown field", "did you mean path?", "prearm check")
	if sel, err := n.start(other); err != nil || summary(sel) != "p: /bin/2" {
		t.Errorf("another namespace: %s, %v", summary(sel), err)
	}
	n.write("bad.yaml", blocks("bad", "/bin/3"))
	n.expect("mended", "bad good: /bin/3 /bin/1")

	for name, text := range map[string]string{
		"not YAML":             "spec: [}\n",
		"nothing":              "",
		"no namespace in it":   head + "spec: {}\n",
		"a cluster policy":     strings.Replace(misses("bad"), "KubeArmorPolicy", "KubeArmorClusterPolicy", 1),
		"a pod":                "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n",
		"good, then not YAML":  blocks("p", "/bin/p") + "---\n{[\n",
		"too large":            blocks("p", "/bin/p") + strings.Repeat("#\n", 5<<20),
		"only a namespace bad": blocks("p", "/bin/p") + "---\nkind: Namespace\nmetadata: {name: [x]}\n",
	} {
		n.must(os.Remove(filepath.Join(n.dir, "bad.yaml")))
		n.build()
		n.write("bad.yaml", text)
		n.refuse(name, "bad.yaml")
		if _, err := n.start(other); err == nil {
			t.Errorf("%s: containers of another namespace start", name)
		}
	}
}

func TestLastGoodVersion(t *testing.T) {
	n := newNode(t)
	n.write("a.yaml", blocks("a", "/bin/1"))
	n.write("b.yaml", blocks("b", "/bin/2"))
	n.expect("good", "a b: /bin/1 /bin/2")
	for _, text := range []string{misses("a"), "", "{[", misses("another"), blocksIn("other", "x", "/bin/x") + "---\n" + misses("y")} {
		n.write("a.yaml", text)
		n.stale("bad")
		n.expect("bad", "a b: /bin/1 /bin/2")
		if s := n.build(); len(s.Bad) == 0 {
			t.Errorf("%q is not reported: %+v", text, s)
		}
		if s, err := Build(n.dir, n.index, Options{Force: true}); err != nil || len(s.Bad) == 0 {
			t.Errorf("%q is not reported when it is read again: %+v, %v", text, s, err)
		}
	}
	sel, err := n.start(web)
	n.must(err)
	if sel.Policies[0].Outdated == "" || sel.Policies[1].Outdated != "" {
		t.Errorf("which one is outdated: %+v", sel.Policies)
	}
	n.write("b.yaml", blocks("b", "/bin/3"))
	n.expect("another changed", "a b: /bin/1 /bin/3")
	n.write("a.yaml", blocks("a", "/bin/4"))
	n.expect("mended", "a b: /bin/4 /bin/3")
	if s := n.build(); len(s.Bad) != 0 {
		t.Errorf("still reported: %+v", s.Bad)
	}
	n.write("a.yaml", misses("a"))
	n.expect("bad again", "a b: /bin/4 /bin/3")
	n.must(os.Remove(filepath.Join(n.dir, "a.yaml")))
	n.expect("removed", "b: /bin/3")
	n.write("a.yaml", misses("a"))
	n.refuse("bad, after it was gone")
}

// TestLostIndex: what nobody remembers cannot be in force.
func TestLostIndex(t *testing.T) {
	n := newNode(t)
	n.write("a.yaml", blocks("a", "/bin/1"))
	n.build()
	n.write("a.yaml", misses("a"))
	n.expect("remembered", "a: /bin/1")
	n.must(os.Remove(n.index))
	n.refuse("forgotten", "a.yaml:7:7")
}

func TestTwice(t *testing.T) {
	n := newNode(t)
	n.write("a.yaml", blocks("p", "/bin/1"))
	n.expect("one", "p: /bin/1")

	n.write("b.yaml", blocks("p", "/bin/2"))
	n.refuse("a second one", "a.yaml", "b.yaml", "ns/p is also defined at")
	n.write("b.yaml", blocksIn("other", "p", "/bin/2"))
	n.expect("of another namespace", "p: /bin/1")
	n.write("b.yaml", strings.Replace(blocks("p", "/bin/2"), "KubeArmorPolicy", "KubeArmorClusterPolicy", 1))
	n.expect("of another kind", "p p: /bin/2 /bin/1")

	// Both were good, so both stay as they were.
	n.write("b.yaml", blocks("q", "/bin/2"))
	n.expect("two", "p q: /bin/1 /bin/2")
	n.write("b.yaml", blocks("p", "/bin/3"))
	n.expect("renamed into a conflict", "p q: /bin/1 /bin/2")
	// b's last good version still has q.
	n.write("c.yaml", blocks("q", "/bin/4"))
	n.refuse("in conflict with a last good version", "c.yaml")
	n.must(os.Remove(filepath.Join(n.dir, "c.yaml")))
	n.write("a.yaml", blocks("q", "/bin/5"))
	n.expect("changed places", "p q: /bin/3 /bin/5")

	n.write("a.yaml", blocks("x", "/bin/1")+"---\n"+blocks("x", "/bin/2"))
	n.expect("twice in a file: its last good version", "p q: /bin/3 /bin/5")
	n.write("d.yaml", blocks("x", "/bin/1")+"---\n"+blocks("x", "/bin/2"))
	n.refuse("twice in a new file", "d.yaml:1:1", "d.yaml:9:1")
}

func TestUnreadableFile(t *testing.T) {
	n := newNode(t)
	path := filepath.Join(n.dir, "a.yaml")
	for name, create := range map[string]func() error{
		"a folder":         func() error { return os.Mkdir(path, 0o755) },
		"a pipe":           func() error { return unix.Mkfifo(path, 0o644) },
		"a dangling link":  func() error { return os.Symlink("nowhere", path) },
		"a link to itself": func() error { return os.Symlink("a.yaml", path) },
		"a device":         func() error { return os.Symlink("/dev/zero", path) },
	} {
		n.must(create())
		n.refuse(name, path, "cannot be read")
		// An index of the very moment of a change does not hold; one of
		// the next must.
		settled := false
		for range 1000 {
			if settled = n.build().Fresh; settled {
				break
			}
		}
		if !settled {
			t.Errorf("%s: the index is made at each start", name)
		}
		n.must(os.Remove(path))
	}
	n.expect("removed", ":")
}

func TestPosture(t *testing.T) {
	n := newNode(t)
	n.write("ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ns\n  annotations: {kubearmor-file-posture: audit, kubearmor-network-posture: block}\n")
	sel, err := n.start(web)
	n.must(err)
	if want := (policy.Posture{File: policy.Audit, Network: policy.Block}); sel.Posture != want {
		t.Errorf("%+v", sel.Posture)
	}
	sel, err = n.start(other)
	n.must(err)
	if sel.Posture != (policy.Posture{}) {
		t.Errorf("another namespace's: %+v", sel.Posture)
	}
	n.write("ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ns\n  annotations: {kubearmor-file-posture: adit}\n")
	sel, err = n.start(web)
	n.must(err)
	if sel.Posture.File != policy.Audit {
		t.Errorf("not the last good one: %+v", sel.Posture)
	}
	n.must(os.Remove(n.index))
	n.refuse("a posture that cannot be told", "did you mean audit?")
}

// TestRefusalIsShort: a start's error is for reading.
func TestRefusalIsShort(t *testing.T) {
	n := newNode(t)
	n.write("a.yaml", misses("a")+strings.Repeat("    - pth: /x\n", 5000))
	_, err := n.start(web)
	if err == nil || len(err.Error()) > 2000 {
		t.Errorf("%d bytes", len(err.Error()))
	}
	n.must(os.Remove(filepath.Join(n.dir, "a.yaml")))
	var b strings.Builder
	for range 500 {
		b.WriteString(misses("a") + "---\n")
	}
	n.write("a.yaml", b.String())
	_, err = n.start(web)
	if err == nil || len(err.Error()) > 2000 {
		t.Errorf("%d bytes", len(err.Error()))
	}
}
