package install

import (
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// document is a TOML file: what it says, and where.
type document struct {
	path  string // on the node
	text  string
	table map[string]any
	lines []line
}

// line is a table's header or a key with its value.
type line struct {
	path       []string // of the table or the value, from the top
	header     bool
	kind       unstable.Kind // of the value
	key, end   int           // where the first key begins, and where the last one ends
	start, fin int           // of key and value
}

func parse(name, text string) (*document, error) {
	d := &document{text: text}
	if err := toml.Unmarshal([]byte(text), &d.table); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p := unstable.Parser{}
	p.Reset([]byte(text))
	var table []string
	for p.NextExpression() {
		e := p.Expression()
		l := line{header: e.Kind != unstable.KeyValue, key: -1}
		if !l.header {
			l.path = append(l.path, table...)
			l.kind = e.Value().Kind
			l.start, l.fin = int(e.Raw.Offset), int(e.Raw.Offset+e.Raw.Length)
		}
		for k := e.Key(); k.Next(); {
			n := k.Node()
			l.path = append(l.path, string(n.Data))
			if l.key < 0 {
				l.key = int(n.Raw.Offset)
			}
			l.end = int(n.Raw.Offset + n.Raw.Length)
		}
		if l.header {
			table = l.path
		}
		d.lines = append(d.lines, l)
	}
	if err := p.Error(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

// find gives the header or the value of that path.
func (d *document) find(header bool, path ...string) (line, bool) {
	for _, l := range d.lines {
		if l.header == header && equal(l.path, path) {
			return l, true
		}
	}
	return line{}, false
}

func equal(a, b []string) bool { return strings.Join(a, "\x00") == strings.Join(b, "\x00") }

// after is where the line goes on that at is in: behind its newline, if it
// has one.
func (d *document) after(at int) int {
	if i := strings.IndexByte(d.text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(d.text)
}

// look finds what a table holds, nil if nothing.
func look(table map[string]any, path ...string) any {
	var at any = table
	for _, key := range path {
		t, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = t[key]
	}
	return at
}

// tableOf is look, for a table; it may be nil.
func tableOf(table map[string]any, path ...string) map[string]any {
	t, _ := look(table, path...).(map[string]any)
	return t
}

// put sets a value and makes the tables above it. What stands in its way is
// replaced.
func put(table map[string]any, value any, path ...string) {
	for _, key := range path[:len(path)-1] {
		next, ok := table[key].(map[string]any)
		if !ok {
			next = make(map[string]any)
			table[key] = next
		}
		table = next
	}
	table[path[len(path)-1]] = value
}

// header writes a table's header.
func header(path ...string) string {
	keys := make([]string, len(path))
	for i, key := range path {
		keys[i] = key
		if strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" || key == "" {
			keys[i] = quote(key)
		}
	}
	return "[" + strings.Join(keys, ".") + "]\n"
}

// quote writes a basic string.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
