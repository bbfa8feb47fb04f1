package install

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// maxFiles bounds the files of one configuration.
const maxFiles = 100

// Names of the CRI plugin's table with the runtimes.
const (
	pluginV1 = "cri"
	pluginV2 = "io.containerd.grpc.v1.cri"
	pluginV3 = "io.containerd.cri.v1.runtime"
)

// configuration is containerd's: the main file and those that it imports, in
// the order in which containerd reads them. Without a main file there is
// none.
type configuration struct {
	main    string
	files   []*document
	version int // of the main file; 0 if there is none
}

// readConfiguration reads the file at main, with read, and its imports.
func (t tree) readConfiguration(main string, read func(string) (*file, error)) (*configuration, error) {
	c := &configuration{main: main}
	loaded := make(map[string]bool)
	for pending := []string{main}; len(pending) > 0; pending = pending[1:] {
		path := pending[0]
		if loaded[path] {
			continue
		}
		loaded[path] = true
		if len(loaded) > maxFiles {
			return nil, fmt.Errorf("%s imports more than %d files", main, maxFiles)
		}
		f, err := read(path)
		if err != nil {
			return nil, err
		}
		if f == nil && path == main {
			return c, nil
		}
		if f == nil {
			continue // ours, or containerd says so
		}
		d, err := parse(path, string(f.data))
		if err != nil {
			return nil, err
		}
		d.path = path
		c.files = append(c.files, d)
		imports, err := t.imported(d)
		if err != nil {
			return nil, err
		}
		pending = append(pending, imports...)
	}
	c.version = 1
	if v, ok := c.files[0].table["version"].(int64); ok && v != 0 {
		c.version = int(v)
	}
	if c.version < 1 || c.version > 4 {
		return nil, fmt.Errorf("%s has version %d; those from 1 to 4 are known. Add the entry by hand:\n%s", main, c.version,
			indent(entryText(pluginV3, map[string]any{"runtime_type": runtimeType})))
	}
	return c, nil
}

// imported lists the files that d imports: a path may be relative to d's own
// folder, and have wildcards.
func (t tree) imported(d *document) ([]string, error) {
	var paths []string
	for _, pattern := range d.patterns() {
		if !strings.Contains(pattern, "*") {
			paths = append(paths, pattern)
			continue
		}
		found, err := filepath.Glob(filepath.Join(t.root, pattern))
		if err != nil {
			return nil, fmt.Errorf("%s: imports %q: %w", d.path, pattern, err)
		}
		for _, path := range found {
			rel, err := filepath.Rel(t.root, path)
			if err != nil {
				return nil, err
			}
			paths = append(paths, "/"+rel)
		}
	}
	return paths, nil
}

// patterns are d's imports, absolute.
func (d *document) patterns() []string {
	imports, _ := d.table["imports"].([]any)
	var patterns []string
	for _, i := range imports {
		pattern, ok := i.(string)
		if !ok {
			continue
		}
		if pattern = filepath.Clean(pattern); !filepath.IsAbs(pattern) {
			pattern = filepath.Join(filepath.Dir(d.path), pattern)
		}
		patterns = append(patterns, pattern)
	}
	return patterns
}

// plugin names the CRI plugin's table in files of the configuration's version.
func (c *configuration) plugin() string {
	switch {
	case c.version == 1:
		return pluginV1
	case c.version == 2:
		return pluginV2
	}
	return pluginV3
}

// merges says whether containerd merges imported tables key by key: those
// that know this version of the configuration do.
func (c *configuration) merges() bool { return c.version >= 3 }

// home is the file that a runtime's entry belongs to where tables are not
// merged: the last with a table of the CRI plugin's is the one that counts.
func (c *configuration) home() *document {
	for _, d := range slices.Backward(c.files) {
		if look(d.table, "plugins", c.plugin()) != nil {
			return d
		}
	}
	return c.files[0]
}

// handler finds the entry of a runtime in any file, under any name of the
// plugin, and what it says of its type.
func (c *configuration) handler(name string) (where string, runtimeType any) {
	for _, d := range c.files {
		for _, plugin := range []string{pluginV1, pluginV2, pluginV3} {
			if entry := look(d.table, "plugins", plugin, "containerd", "runtimes", name); entry != nil {
				return d.path, look(d.table, "plugins", plugin, "containerd", "runtimes", name, "runtime_type")
			}
		}
	}
	return "", nil
}

// disabled names the file that disables the CRI plugin, if one does.
func (c *configuration) disabled() string {
	for _, d := range c.files {
		list, _ := d.table["disabled_plugins"].([]any)
		for _, name := range list {
			if slices.Contains([]any{pluginV1, pluginV2, pluginV3}, name) {
				return d.path
			}
		}
	}
	return ""
}

// importEdit makes d import path. Where it has imports already, path is put
// first: then no file loses to ours what it won before.
func (d *document) importEdit(path string) edit {
	if l, ok := d.find(false, "imports"); ok && l.kind == unstable.Array {
		open := l.end + strings.IndexByte(d.text[l.end:], '[') + 1
		rest := d.text[open:]
		switch blank := strings.TrimLeft(rest, " \t"); {
		case strings.HasPrefix(blank, "]"):
			return edit{New: quote(path), at: open}
		case strings.HasPrefix(blank, "\n"), strings.HasPrefix(blank, "\r"), strings.HasPrefix(blank, "#"):
			at := d.after(open)
			next := d.text[at:]
			margin := next[:len(next)-len(strings.TrimLeft(next, " \t"))]
			if strings.HasPrefix(strings.TrimLeft(next, " \t"), "]") {
				margin += "  "
			}
			return edit{New: margin + quote(path) + ",\n", at: at}
		default:
			return edit{New: quote(path) + ", ", at: open}
		}
	}
	at := 0
	if l, ok := d.find(false, "version"); ok {
		at = d.after(l.fin)
	}
	return edit{New: d.newline(at) + "imports = [" + quote(path) + "] # added by prearm install\n", at: at}
}

// newline is what has to come first in a line that is put at the place given.
func (d *document) newline(at int) string {
	if at > 0 && d.text[at-1] != '\n' {
		return "\n"
	}
	return ""
}

// entryText writes the table of a runtime named prearm.
func entryText(plugin string, entry map[string]any) string {
	return tableText(entry, "plugins", plugin, "containerd", "runtimes", handler)
}

// tableText writes a table and those in it. What is empty, as containerd
// dumps what nobody set, is left out.
func tableText(table map[string]any, path ...string) string {
	var b strings.Builder
	b.WriteString(header(path...))
	for _, key := range slices.Sorted(maps.Keys(table)) {
		if value := valueText(table[key]); value != "" {
			fmt.Fprintf(&b, "  %s = %s\n", key, value)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(table)) {
		if sub, ok := table[key].(map[string]any); ok && len(flatten(sub)) > 0 {
			b.WriteString(tableText(sub, append(slices.Clone(path), key)...))
		}
	}
	return b.String()
}

// valueText writes a value, "" if it is empty or a table.
func valueText(value any) string {
	switch v := value.(type) {
	case string:
		if v != "" {
			return quote(v)
		}
	case bool:
		if v {
			return "true"
		}
	case int64:
		if v != 0 {
			return fmt.Sprint(v)
		}
	case []any:
		var list []string
		for _, i := range v {
			list = append(list, valueText(i))
		}
		if len(list) > 0 {
			return "[" + strings.Join(list, ", ") + "]"
		}
	case float64:
		return fmt.Sprint(v)
	}
	return ""
}
