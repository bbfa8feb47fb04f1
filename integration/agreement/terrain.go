package agreement

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/prearm/prearm/translate/rootfs"
)

// kind is what an object of the terrain is.
type kind int

const (
	plain kind = iota
	folder
	program
	source // a program that tries accesses
	script
	link
)

// object is what accesses are tried on.
type object struct {
	path   string
	kind   kind
	owner  int
	target string // of a link; a script's interpreter
}

// Prober is the program that tries accesses, in the terrain.
const Prober = "/actor"

// Sources are copies of it, which rules have as sources.
func Sources() []string { return []string{Prober, "/w/bin/s", "/w/a/s"} }

// stranger owns what root does not.
const stranger = 1000

// terrain is the objects, after the folders that they lie in.
func terrain() []object {
	deep := "/w/deep" + strings.Repeat("/d", 200)
	objects := []object{
		{path: "/w/a", kind: folder}, {path: "/w/a/b", kind: folder}, {path: "/w/a/b/c", kind: folder}, {path: "/w/ab", kind: folder},
		{path: "/w/bin", kind: folder}, {path: "/w/lib", kind: folder}, {path: "/w/mnt", kind: folder}, {path: deep, kind: folder},
		{path: "/w/busybox", kind: program}, {path: "/w/bin/ls", kind: link, target: "/w/busybox"},
		{path: "/w/bin/p", kind: program}, {path: "/w/a/p", kind: program}, {path: "/w/a/b/p", kind: program, owner: stranger},
		{path: "/w/bin/run", kind: script, target: "/w/bin/p"}, {path: "/w/ab/run", kind: script, target: "/w/a/p"},
		{path: "/w/lib/ld-linux.so", kind: program}, {path: "/w/lib/x.so", kind: program},
		{path: "/w/mnt/f"}, {path: "/w/" + strings.Repeat("n", maxName)},
		{path: deep + "/f"},
	}
	for _, dir := range []string{"/w", "/w/a", "/w/a/b", "/w/a/b/c", "/w/ab"} {
		objects = append(objects, object{path: dir + "/f"}, object{path: dir + "/g", owner: stranger})
	}
	for _, s := range Sources() {
		objects = append(objects, object{path: s, kind: source})
	}
	return objects
}

// Terrain is files in a folder, for real accesses.
type Terrain struct {
	dir     string
	objects []object
	world   World
}

// MakeTerrain writes the objects into an empty folder. The prober and a
// program that only exits are copied from their paths on this machine.
func MakeTerrain(dir, prober, nothing string) (*Terrain, error) {
	t := &Terrain{dir: dir, objects: terrain()}
	if err := os.Chmod(dir, 0o777); err != nil {
		return nil, err
	}
	for _, o := range t.objects {
		if err := t.make(o, prober, nothing); err != nil {
			return nil, fmt.Errorf("make %s: %w", o.path, err)
		}
	}
	for _, name := range []string{"proc", "dev"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			return nil, err
		}
	}
	var err error
	t.world.root, err = rootfs.New(dir, nil)
	return t, err
}

// Close closes the folder.
func (t *Terrain) Close() error { return t.world.Close() }

func (t *Terrain) make(o object, prober, nothing string) error {
	at := filepath.Join(t.dir, o.path)
	if o.kind == folder {
		return t.folder(o.path)
	}
	if err := t.folder(parent(o.path)); err != nil {
		return err
	}
	var text []byte
	var err error
	mode := os.FileMode(0o777)
	switch o.kind {
	case link:
		return os.Symlink(o.target, at)
	case program:
		text, err = os.ReadFile(nothing)
	case source:
		text, err = os.ReadFile(prober)
	case script:
		text = []byte("#!" + o.target + "\n")
	default:
		mode = 0o666
	}
	if err != nil {
		return err
	}
	if err := os.WriteFile(at, text, mode); err != nil {
		return err
	}
	if err := os.Chmod(at, mode); err != nil {
		return err
	}
	return os.Chown(at, o.owner, o.owner)
}

// folder makes a directory and those above it for everyone to write to.
func (t *Terrain) folder(name string) error {
	at := filepath.Join(t.dir, name)
	if _, err := os.Stat(at); err == nil || name == "/" {
		return err
	}
	if err := t.folder(parent(name)); err != nil {
		return err
	}
	if err := os.Mkdir(at, 0o777); err != nil {
		return err
	}
	return os.Chmod(at, 0o777)
}

// Restore puts back what an attempt may have taken away, and removes what it
// may have made.
func (t *Terrain) Restore(a Attempt) error {
	for _, name := range []string{a.Object, a.Other} {
		if strings.HasPrefix(filepath.Base(name), fresh) {
			if err := os.RemoveAll(filepath.Join(t.dir, name)); err != nil {
				return err
			}
		}
	}
	for _, o := range t.objects {
		if o.path == a.Object && a.Act == "unlink" {
			return t.make(o, "", "")
		}
	}
	return nil
}
