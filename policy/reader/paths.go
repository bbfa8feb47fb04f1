package reader

import (
	"path"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// maxPath is the longest path that a system call takes (PATH_MAX less its
// NUL), in bytes.
const maxPath = 4095

// path reads the path of a file.
func (d *decoder) path(into *string) field {
	return func(n *yaml.Node, at string) {
		v, ok := d.absolute(n, at)
		if !ok {
			return
		}
		switch {
		case strings.HasSuffix(v, "/"):
			d.fail(n, at, "for a directory write dir: "+quote(v)+" under matchDirectories", "%s is a directory", quote(v))
		case strings.Contains(v, "*"):
			d.fail(n, at, "write pattern: "+quote(v)+" under matchPatterns", "%s is a pattern, not a path", quote(v))
		case d.canonical(n, at, v):
			*into = v
		}
	}
}

// dir reads the path of a directory, with or without a slash at its end;
// into gets it without (but for the root).
func (d *decoder) dir(into *string) field {
	return func(n *yaml.Node, at string) {
		v, ok := d.absolute(n, at)
		if !ok {
			return
		}
		if v != "/" {
			v = strings.TrimSuffix(v, "/")
		}
		switch {
		case strings.Contains(v, "*"):
			d.fail(n, at, "write pattern: "+quote(v)+" under matchPatterns", "%s is a pattern, not a directory", quote(v))
		case d.canonical(n, at, v):
			*into = v
		}
	}
}

// target reads the path that a system call's argument is compared with: a
// directory if it ends in a slash.
func (d *decoder) target(into *string) field {
	return func(n *yaml.Node, at string) {
		v, ok := d.absolute(n, at)
		if !ok {
			return
		}
		bare := v
		if v != "/" {
			bare = strings.TrimSuffix(v, "/")
		}
		if d.canonical(n, at, bare) {
			*into = v
		}
	}
}

// absolute reads a string that may be an absolute path or pattern.
func (d *decoder) absolute(n *yaml.Node, at string) (string, bool) {
	v, ok := d.str(n, at)
	if !ok {
		return "", false
	}
	if v == "" {
		d.fail(n, at, "", "is empty")
		return "", false
	}
	if len(v) > maxPath {
		d.fail(n, at, "", "has %d bytes, the kernel takes at most %d", len(v), maxPath)
		return "", false
	}
	for _, r := range v {
		if unicode.IsControl(r) {
			d.fail(n, at, "remove it", "%s has the control character U+%04X", quote(v), r)
			return "", false
		}
	}
	if v[0] != '/' {
		d.fail(n, at, "did you mean "+quote("/"+v)+"?", "%s is not absolute", quote(v))
		return "", false
	}
	return v, true
}

// canonical reports whether the path is the shortest name of what it names,
// without following symlinks.
func (d *decoder) canonical(n *yaml.Node, at, v string) bool {
	clean := path.Clean(v)
	if clean == v {
		return true
	}
	why := "has '//' or '/./'"
	if strings.Contains(v+"/", "/../") {
		why = "has '..'"
	}
	d.fail(n, at, "did you mean "+quote(clean)+"?", "%s %s", quote(v), why)
	return false
}

// execName reads the base name of an executable.
func (d *decoder) execName(n *yaml.Node, at string) (string, bool) {
	v, ok := d.str(n, at)
	if !ok {
		return "", false
	}
	const longest = 255 // NAME_MAX
	switch {
	case v == "" || v == "." || v == "..":
		d.fail(n, at, "", "%s is not the name of a file", quote(v))
	case len(v) > longest:
		d.fail(n, at, "", "has %d bytes, a file's name has at most %d", len(v), longest)
	case strings.Contains(v, "/"):
		d.fail(n, at, "did you mean "+quote(path.Base(v))+", or path?", "%s is a path, not a name", quote(v))
	case strings.Contains(v, "*"):
		d.fail(n, at, "write pattern: "+quote("/**/"+v)+" under matchPatterns", "%s is a pattern, not a name", quote(v))
	case strings.ContainsFunc(v, unicode.IsControl):
		d.fail(n, at, "remove it", "%s has a control character", quote(v))
	default:
		return v, true
	}
	return "", false
}
