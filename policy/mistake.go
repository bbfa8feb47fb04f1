package policy

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error is one mistake in a policy file. Its text is one line: where, which
// field, why, and what to write instead.
type Error struct {
	Position
	Field      string `json:"field,omitempty"` // such as spec.process.matchPaths[0].path
	Reason     string `json:"reason"`
	Suggestion string `json:"suggestion,omitempty"`
}

func (e Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Position.String())
	if e.Field != "" {
		b.WriteString(": " + e.Field)
	}
	b.WriteString(": " + e.Reason)
	if e.Suggestion != "" {
		b.WriteString(" (" + e.Suggestion + ")")
	}
	return b.String()
}

// String is file:line:column, without what is not known (0).
func (p Position) String() string {
	file := p.File
	if !utf8.ValidString(file) || strings.ContainsFunc(file, func(r rune) bool { return !unicode.IsPrint(r) }) {
		file = strconv.Quote(file) // a name must not move the cursor of whoever reads the message
	}
	switch {
	case p.Line == 0:
		return file
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", file, p.Line)
	default:
		return fmt.Sprintf("%s:%d:%d", file, p.Line, p.Column)
	}
}

// Errors are the mistakes of one or more files, in the order found.
type Errors []Error

// Error has a line for each mistake.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i := range e {
		lines[i] = e[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap makes every mistake reachable by errors.As.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i := range e {
		all[i] = e[i]
	}
	return all
}

// Bad is a document that cannot be used, and whose starts are refused for it
// until it is mended.
type Bad struct {
	Kind      string `json:"kind,omitempty"` // kind, namespace and name as far as they could be read
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	// Everywhere is true for a cluster policy, and where it is not known
	// which namespace the document is for.
	Everywhere bool   `json:"everywhere,omitempty"`
	Errors     Errors `json:"errors"`
}

// Concerns reports whether a container of the namespace must not start
// because of the document.
func (b *Bad) Concerns(namespace string) bool {
	return b.Everywhere || b.Namespace == namespace
}
