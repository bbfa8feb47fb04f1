package conformance

import (
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// node is something that must exist before an access is tried.
type node struct {
	kind   kind
	mode   os.FileMode
	owner  int
	target string // of a link; a script's interpreter
}

type kind int

const (
	plain kind = iota
	folder
	program
	source // a copy of the actor
	script
	link
)

// world is what the case's accesses need, by name in the container. What an
// access creates is not in it.
func (c *Case) world() map[string]node {
	w := make(map[string]node)
	add := func(name string, n node) {
		if name == "" || !ours(name) {
			return
		}
		if _, there := w[c.expand(name)]; !there {
			w[c.expand(name)] = n
		}
	}
	for name, target := range c.Links {
		add(name, node{kind: link, target: c.expand(target)})
	}
	for name, interpreter := range c.Scripts {
		add(name, node{kind: script, target: c.expand(interpreter)})
		add(interpreter, node{kind: program})
	}
	for _, name := range c.folders() {
		add(name, node{kind: folder})
	}
	for _, r := range c.rules {
		for _, s := range r.Sources {
			add(s.Path, node{kind: source})
		}
	}
	for _, a := range c.Accesses {
		if a.Source != "" {
			add(a.Source, node{kind: source})
		}
		object := a.Object
		if target, ok := c.Links[object]; ok && strings.HasPrefix(target, "~") {
			object = target
		}
		n := node{owner: a.Owner}
		switch a.Op {
		case "list", "rmdir", "mount":
			n.kind = folder
		case "exec", "map":
			n.kind = program
		case "create", "mkdir", "mknod", "symlink", "connect":
			object, n = path.Dir(object), node{kind: folder}
		case "capability":
			switch a.Other {
			case "CAP_MKNOD":
				object, n = path.Dir(object), node{kind: folder}
			case "CAP_DAC_OVERRIDE":
				n.mode = 0o400
			}
		case "replace":
			add(a.Other, n)
		}
		add(object, n)
	}
	return w
}

// folders are the case's, with those above them up to its own.
func (c *Case) folders() []string {
	var names []string
	for _, name := range c.Folders {
		for ; name != "~"; name = path.Dir(name) {
			names = append(names, name)
		}
	}
	slices.Reverse(names)
	return names
}

// late says whether the case's folders must be made in the running container:
// an overlay does not rename a directory of its lower layer.
func (c *Case) late() bool {
	return slices.ContainsFunc(c.Accesses, func(a Access) bool { return a.Op == "rename" && slices.Contains(c.folders(), a.Object) })
}

// Folders are the directories that whoever performs the rows makes in the
// container before, in this order.
func Folders(cases []*Case) []string {
	var names []string
	for _, c := range cases {
		if c.late() {
			for _, name := range c.folders() {
				names = append(names, c.expand(name))
			}
		}
	}
	return names
}

// ours says whether a name is one that WriteImage makes.
func ours(name string) bool {
	return !strings.HasPrefix(name, "/dev/") && !strings.HasPrefix(name, "/proc/")
}

// Sockets are the owners, by name, of the unix sockets that the cases connect
// to. Whoever performs the rows listens on them in the container.
func Sockets(cases []*Case) map[string]int {
	owners := make(map[string]int)
	for _, r := range Rows(cases) {
		if r.Access.Op == "connect" {
			owners[r.expand(r.Access.Object)] = r.Access.Owner
		}
	}
	return owners
}

// WriteImage makes a root file system for all the cases, in a folder that
// exists. The actor and the program that does nothing are copied from their
// paths on this machine; without them, empty files stand for both.
func WriteImage(dir, actor, nothing string, cases []*Case) error {
	for _, made := range []struct{ at, from string }{{Actor, actor}, {Nothing, nothing}} {
		if err := install(filepath.Join(dir, made.at), made.from); err != nil {
			return fmt.Errorf("make the cases' image: %w", err)
		}
	}
	for _, c := range cases {
		for name, n := range c.world() {
			if n.kind == folder && c.late() {
				name = c.Folder()
			}
			if err := n.write(dir, name); err != nil {
				return fmt.Errorf("make the image of case %d (%s): %w", c.Number, c.policy(), err)
			}
		}
	}
	return nil
}

// install copies a program.
func install(to, from string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	defer out.Close()
	if from == "" {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(out, in)
	return err
}

// write makes the node, which anyone may change as far as modes go.
func (n node) write(root, name string) error {
	at := filepath.Join(root, name)
	if err := makeFolders(root, path.Dir(name)); err != nil {
		return err
	}
	mode := n.mode
	var err error
	switch n.kind {
	case folder:
		mode = 0o777
		err = makeFolders(root, name)
	case source:
		return hardLink(filepath.Join(root, Actor), at)
	case link:
		target := n.target
		return os.Symlink(target, at)
	case program:
		if n.owner == 0 {
			return hardLink(filepath.Join(root, Nothing), at)
		}
		mode = 0o755
		err = install(at, filepath.Join(root, Nothing))
	case script:
		mode = 0o755
		err = os.WriteFile(at, []byte("#!"+n.target+"\n"), 0o755)
	default:
		if mode == 0 {
			mode = 0o666
		}
		err = os.WriteFile(at, []byte("data\n"), 0o644)
	}
	if err != nil {
		return err
	}
	if err := os.Chmod(at, mode); err != nil || n.owner == 0 || os.Getuid() != 0 {
		return err
	}
	return os.Lchown(at, n.owner, n.owner)
}

func hardLink(from, to string) error {
	err := os.Link(from, to)
	if os.IsExist(err) {
		return nil
	}
	return err
}

// makeFolders makes a directory and those above it for everyone to write to.
func makeFolders(root, name string) error {
	if _, err := os.Stat(filepath.Join(root, name)); err == nil || name == "/" {
		return err
	}
	if err := makeFolders(root, path.Dir(name)); err != nil {
		return err
	}
	at := filepath.Join(root, name)
	if err := os.Mkdir(at, 0o777); err != nil {
		return err
	}
	return os.Chmod(at, 0o777)
}
