package reader

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// pattern reads a glob in AppArmor's syntax.
func (d *decoder) pattern(into *string) field {
	return func(n *yaml.Node, at string) {
		v, ok := d.absolute(n, at)
		if !ok {
			return
		}
		if why, instead := checkGlob(v); why != "" {
			d.fail(n, at, instead, "%s %s", quote(v), why)
			return
		}
		*into = v
	}
}

// checkGlob says what is wrong with the syntax of a pattern, if anything. It
// refuses what the languages near to it (shell, regular expressions) would
// read differently, because such a pattern would quietly match nothing.
func checkGlob(v string) (why, instead string) {
	var (
		commas  []bool // for each open brace: a comma was seen
		inClass bool
		length  int // of the class so far
	)
	for i := 0; i < len(v); i++ {
		c := v[i]
		if c == '\\' {
			if i++; i == len(v) {
				return "ends in a backslash", ""
			}
			if c = v[i]; c == '/' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' {
				return "has a backslash before " + quote(string(c)), "only other characters can be escaped"
			}
			length++
			continue
		}
		if c == '"' || c == '\'' || c == '`' {
			return "has a quote", `put "?" in its place`
		}
		if inClass {
			switch {
			case c == ']' && length == 0:
				return "has an empty [...]", ""
			case c == ']':
				inClass = false
			case strings.IndexByte("/*?[{}", c) >= 0:
				return "has " + quote(string(c)) + " inside [...]", "write {a,b} instead"
			case c == '^' && length == 0 && v[i-1] == '[':
			case c == '^' && length == 0:
				return "has two '^' at the beginning of [...]", ""
			default:
				length++
			}
			continue
		}
		switch c {
		case '[':
			inClass, length = true, 0
		case ']':
			return "has a ']' that nothing opens", "escape it with a backslash"
		case '{':
			commas = append(commas, false)
		case ',':
			if len(commas) > 0 {
				commas[len(commas)-1] = true
			}
		case '}':
			if len(commas) == 0 {
				return "has a '}' that nothing opens", "escape it with a backslash"
			}
			if !commas[len(commas)-1] {
				return "has braces without a comma", "write {a,b}"
			}
			commas = commas[:len(commas)-1]
		case '|', '(', ')':
			return "looks like a regular expression", "patterns are globs: *, **, ?, [ab], {a,b}"
		}
	}
	switch {
	case inClass:
		return "has a '[' that nothing closes", "escape it with a backslash"
	case len(commas) > 0:
		return "has a '{' that nothing closes", "escape it with a backslash"
	case strings.Contains(v, "//"):
		return "has '//'", ""
	case strings.Contains(v+"/", "/../") || strings.Contains(v+"/", "/./"):
		return "has '.' or '..' as a component", ""
	}
	return "", ""
}
