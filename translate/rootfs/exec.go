package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// maxScripts is how many scripts the kernel goes through, each the
// interpreter of the one before, until it finds a program.
const maxScripts = 5

// ErrNotFound is the error of LookPath if no directory of PATH has the
// program.
var ErrNotFound = errors.New("executable file not found in PATH")

// LookPath finds the program that a process runs by name, as runc does: a
// name with a slash is a path, from the working directory cwd if relative;
// any other is looked for in the directories of pathEnv, where it must not be
// found in a relative one. The first file that anyone may execute counts. The
// path returned is absolute, not canonical.
func (r *Root) LookPath(name, pathEnv, cwd string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lookPath(name, pathEnv, cwd)
}

func (r *Root) lookPath(name, pathEnv, cwd string) (string, error) {
	if name == "" {
		return "", fmt.Errorf("empty program name: %w", ErrNotFound)
	}
	if strings.Contains(name, "/") {
		file := absolute(name, cwd)
		_, err := r.executable(file)
		return file, err
	}
	if pathEnv == "" {
		return "", fmt.Errorf("program %q: %w, which is empty", name, ErrNotFound)
	}
	for dir := range strings.SplitSeq(pathEnv, ":") {
		if dir == "" {
			dir = "."
		}
		file := path.Join(dir, name)
		_, err := r.executable(absolute(file, cwd))
		switch {
		case errors.Is(err, errNotRegular):
			return "", err // the runtime would choose it, and fail
		case err != nil:
			continue
		case !path.IsAbs(file):
			return "", fmt.Errorf("program %q is found in %q, a relative directory of PATH, which the runtime refuses; use absolute ones", name, dir)
		}
		return file, nil
	}
	return "", fmt.Errorf("program %q: %w", name, ErrNotFound)
}

// absolute is file as seen from cwd. It is not cleaned: what .. means, links
// decide.
func absolute(file, cwd string) string {
	if path.IsAbs(file) {
		return file
	}
	return "/" + strings.Trim(cwd, "/") + "/" + file
}

// executable is the place of a file that execve would take.
func (r *Root) executable(file string) (place, error) {
	p, err := r.existing(file)
	switch {
	case err != nil:
		return p, err
	case p.node.kind == directory:
		return p, fmt.Errorf("%s is a directory: %w", abbreviate(file), fs.ErrPermission)
	case p.node.mode&0o111 == 0:
		return p, fmt.Errorf("%s is not executable: %w", abbreviate(file), fs.ErrPermission)
	case p.node.kind != regular:
		return p, fmt.Errorf("%s: %w", abbreviate(file), errNotRegular)
	}
	return p, nil
}

// Exec is what the kernel executes when a process runs argv0: the canonical
// path of the program, and if it is a script, of its interpreter, and of that
// one's, in this order. Names are looked up as by LookPath.
func (r *Root) Exec(argv0, pathEnv, cwd string) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	file, err := r.lookPath(argv0, pathEnv, cwd)
	if err != nil {
		return nil, err
	}
	var chain []string
	for {
		p, err := r.executable(file)
		if err != nil {
			if len(chain) > 0 {
				err = fmt.Errorf("interpreter of %s: %w", abbreviate(chain[len(chain)-1]), err)
			}
			return nil, err
		}
		if len(chain) > maxScripts {
			return nil, fmt.Errorf("%s: more than %d scripts are each other's interpreters: %w", abbreviate(chain[0]), maxScripts, ErrLoop)
		}
		chain = append(chain, p.path)
		interpreter, _, ok, err := r.interpreter(p)
		if err != nil {
			return nil, err
		}
		if !ok {
			return chain, nil
		}
		file = absolute(interpreter, cwd)
	}
}
