package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// The kernel's limits.
const (
	maxPath  = 4096 // bytes of a path
	maxName  = 255  // bytes of one component
	maxLinks = 40   // symbolic links followed for one path
)

// Why a path cannot be resolved, whatever is done about it.
var (
	ErrLoop      = errors.New("more than 40 symbolic links to follow, or a cycle of them")
	ErrTooLong   = errors.New("path longer than 4096 bytes, or a name in it longer than 255")
	ErrMalformed = errors.New("not an absolute path")
	// ErrPerProcess is for /proc/self and what leads through it: each process
	// sees another file there, under its own number.
	ErrPerProcess = errors.New("leads through a link of /proc that is another for each process; name /proc/*/... in a pattern")
)

// ErrOpaque is the error for a file in a mount whose contents are not known
// before the container runs.
var ErrOpaque = errors.New("in a mount whose contents are not known before the start")

// place is where a walk ended.
type place struct {
	path string // canonical, but for a link in the last place that was not to be followed
	node node
	// generations are the offsets in path of names that stand for the current
	// generation of a volume.
	generations []int
	// broken is set where the kernel would have stopped: a component was
	// missing, or no directory.
	broken bool
}

// walk resolves path inside the container. With follow, a link in the last
// place is followed too. Components behind a missing one are kept as they
// are; so are those in a mount that is not known.
func (r *Root) walk(path string, follow bool) (place, error) {
	if r.mounts["/"] == nil {
		return place{}, fmt.Errorf("path %s: root file system: %w", abbreviate(path), fs.ErrClosed)
	}
	if err := wellFormed(path); err != nil {
		return place{}, fmt.Errorf("path %s: %w", abbreviate(path), err)
	}
	p, err := r.steps(strings.TrimRight(path, "/"), follow)
	if err != nil {
		return place{}, fmt.Errorf("path %s: %w", abbreviate(path), err)
	}
	return p, nil
}

func wellFormed(path string) error {
	switch {
	case len(path) > maxPath:
		return ErrTooLong
	case path == "" || path[0] != '/' || strings.IndexByte(path, 0) >= 0:
		return ErrMalformed
	}
	return nil
}

func (r *Root) steps(rest string, follow bool) (place, error) {
	p := place{path: "/", node: r.mounts["/"].node}
	links := 0
	inGeneration := false // the next name is that of a volume's current generation
	mustBeDirectory := false
	for {
		rest = strings.TrimLeft(rest, "/")
		if rest == "" {
			break
		}
		name, after, slash := strings.Cut(rest, "/")
		rest = after
		p.broken = p.broken || !p.node.walkable()
		if name == "." {
			continue
		}
		if name == ".." {
			if err := r.up(&p); err != nil {
				return p, err
			}
			continue
		}
		if len(name) > maxName {
			return p, ErrTooLong
		}
		n, err := r.child(p.path, p.node, name)
		if err != nil {
			return p, err
		}
		last := strings.Trim(rest, "/") == ""
		if n.kind == link && (follow || !last) {
			if links++; links > maxLinks {
				return p, ErrLoop
			}
			p.broken = p.broken || n.target == ""
			inGeneration = name == "..data" && isGeneration(n.target)
			if strings.HasPrefix(n.target, "/") {
				p.path, p.node, p.generations = "/", r.mounts["/"].node, nil
			}
			if slash {
				rest = n.target + "/" + rest
			} else {
				rest = n.target
			}
			continue
		}
		mustBeDirectory = last && slash
		if inGeneration && n.kind != link {
			p.generations = append(p.generations, len(strings.TrimRight(p.path, "/"))+1)
		}
		inGeneration = false
		p.path, p.node = join(p.path, name), n
		if len(p.path) > maxPath {
			return p, ErrTooLong
		}
	}
	p.broken = p.broken || mustBeDirectory && !p.node.walkable()
	return p, nil
}

// up takes p to its parent, and no further than the root.
func (r *Root) up(p *place) error {
	p.path = parentOf(p.path)
	for k := len(p.generations); k > 0 && p.generations[k-1] >= len(p.path); k-- {
		p.generations = p.generations[:k-1]
	}
	var err error
	p.node, err = r.at(p.path)
	return err
}

// isGeneration says whether the target of a link called ..data is how
// Kubernetes names a generation of a projected volume: a hidden directory
// beside the link, such as ..2026_01_01_12_00_00.123456789.
func isGeneration(target string) bool {
	return len(target) > 2 && strings.HasPrefix(target, "..") && !strings.Contains(target, "/")
}

// abbreviate quotes a path for an error message.
func abbreviate(path string) string {
	if len(path) > 512 {
		return fmt.Sprintf("%q... (%d bytes)", path[:512], len(path))
	}
	return fmt.Sprintf("%q", path)
}
