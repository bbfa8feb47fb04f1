package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Result is what a path stands for in a container.
type Result struct {
	// Real is the canonical path of the name itself: links among its parents
	// are followed, one in the last place is not.
	Real string
	// Target is the canonical path that a link in the last place leads to,
	// through however many others; empty if Real is no link.
	Target string
	// RealGlob and TargetGlob are set if the path leads through the ..data
	// link of a projected volume (a token, a config map), which Kubernetes
	// points to a new directory with every change. They are Real and Target
	// as globs that match in every generation: /vol/..*/token.
	RealGlob, TargetGlob string
	// Opaque is the destination of the mount, if the path ends in one whose
	// contents are not known before the start; Exists is false then.
	Opaque string
	// Exists and IsDir speak of the target, if there is one. What does not
	// exist has its canonical path all the same: the part that is there,
	// resolved, and the rest as it is written.
	Exists bool
	IsDir  bool
	// Multicall says that Target is a binary of many programs, which acts by
	// the name that it is called by.
	Multicall bool
}

// Final is what an access through the path reaches.
func (r Result) Final() string {
	if r.Target != "" {
		return r.Target
	}
	return r.Real
}

// FinalGlob is the glob of Final in every generation of its volume, or empty.
func (r Result) FinalGlob() string {
	if r.Target != "" {
		return r.TargetGlob
	}
	return r.RealGlob
}

// Resolve says what an absolute path stands for. It fails an
// Unresolvable error where no path can be found at all, and with another if
// the file system cannot be read.
func (r *Root) Resolve(path string) (Result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.walk(path, false)
	if err != nil {
		return Result{}, err
	}
	res := Result{Real: p.path, RealGlob: p.glob()}
	if p.node.kind == link {
		if p, err = r.walk(path, true); err != nil {
			return Result{}, err
		}
		res.Target, res.TargetGlob = p.path, p.glob()
		res.Multicall = IsMulticall(p.path)
	}
	res.Opaque = p.node.opaque
	res.Exists = p.exists()
	res.IsDir = res.Exists && p.node.kind == directory
	return res, nil
}

// Owner is the uid that owns the file at path, links followed, as the host
// has it: of an idmapped mount, not what the container sees.
func (r *Root) Owner(path string) (uint32, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.existing(path)
	return p.node.uid, err
}

// existing is the place of a file that must be there.
func (r *Root) existing(path string) (place, error) {
	p, err := r.walk(path, true)
	switch {
	case err != nil:
		return p, err
	case p.node.kind == opaque:
		return p, fmt.Errorf("%s: %w", abbreviate(path), ErrOpaque)
	case !p.exists():
		return p, fmt.Errorf("%s: %w", abbreviate(path), fs.ErrNotExist)
	}
	return p, nil
}

func (p place) exists() bool {
	return !p.broken && p.node.kind != missing && p.node.kind != opaque
}

// glob is the place's path in every generation of its volume, or empty.
func (p place) glob() string {
	if len(p.generations) == 0 {
		return ""
	}
	var b strings.Builder
	from := 0
	for _, start := range p.generations {
		b.WriteString(Quote(p.path[from:start]))
		b.WriteString("..*")
		if end := strings.IndexByte(p.path[start:], '/'); end >= 0 {
			from = start + end
		} else {
			from = len(p.path)
		}
	}
	b.WriteString(Quote(p.path[from:]))
	return b.String()
}

// Quote is the glob that matches path alone.
func Quote(path string) string {
	if !strings.ContainsAny(path, globSyntax) {
		return path
	}
	var b strings.Builder
	for i := range len(path) {
		if strings.IndexByte(globSyntax, path[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(path[i])
	}
	return b.String()
}

const globSyntax = `*?[]{},^\`

// IsMulticall says whether the file at path is, by its base name, one of the
// binaries that hold many programs and act by the name that they are called
// by: BusyBox (with the names that Alpine and Debian give its builds), toybox
// and single-binary coreutils.
func IsMulticall(file string) bool {
	switch path.Base(file) {
	case "busybox", "busybox.static", "busybox.suid", "busybox.nosuid", "busybox-extras", "bbsuid",
		"toybox", "coreutils":
		return true
	}
	return false
}

// Unresolvable says whether an error of this package is the path's own fault:
// no file can be reached by it, in this image.
func Unresolvable(err error) bool {
	return errors.Is(err, ErrLoop) || errors.Is(err, ErrTooLong) || errors.Is(err, ErrMalformed) || errors.Is(err, ErrPerProcess)
}
