// Package reader reads policies from YAML and JSON, and says of everything
// that it does not fully understand where it stands and what to write instead.
// It never skips: an unknown field, a value of the wrong type, a name that the
// kernel does not have are mistakes, because a policy that is silently half
// read protects half.
//
// Recognised are KubeArmorPolicy and KubeArmorClusterPolicy (with every field
// of their public definitions), Namespace (for its posture annotations), and
// lists of these as kubectl prints them. A policy without a namespace belongs
// to "default", as in Kubernetes; a namespace written on a cluster policy has
// no meaning.
//
// The package needs libseccomp for the names of system calls and is linked
// into the command line tool only, never into the shim.
package reader

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/prearm/prearm/policy"
)

// Error and Errors are what the reader finds wrong.
type (
	Error  = policy.Error
	Errors = policy.Errors
)

// Limits on one file. They bound the work that hostile input can cause.
const (
	maxDocuments   = 10_000
	maxRules       = 10_000   // of one policy
	maxPolicyBytes = 16 << 20 // of one policy, with inherited values and aliases written out
	maxNodes       = 1 << 20  // visited, aliases followed
	maxErrors      = 100
)

// File is what a policy file says.
type File struct {
	Name       string
	Policies   []policy.Policy
	Namespaces []policy.Namespace
	Bad        []policy.Bad // what could not be used; empty for a good file
}

// Errors are all mistakes of the file, in order.
func (f *File) Errors() Errors {
	var all Errors
	for i := range f.Bad {
		all = append(all, f.Bad[i].Errors...)
	}
	return all
}

// Read reads one file. Whatever is wrong, also with reading itself, is found
// in the result's Bad; the valid documents of a bad file are in it too.
func Read(name string, r io.Reader) *File {
	data, err := io.ReadAll(io.LimitReader(r, policy.MaxFileSize+1))
	if err != nil {
		return Unreadable(name, err)
	}
	f := &File{Name: name}
	if mistake := checkBytes(name, data); mistake != nil {
		f.fail(*mistake)
		return f
	}
	f.documents(data)
	if len(f.Bad) == 0 && len(f.Policies) == 0 && len(f.Namespaces) == 0 {
		// Also what a file looks like that is just being written.
		f.fail(Error{
			Position:   policy.Position{File: name, Line: 1, Column: 1},
			Reason:     "holds no policy",
			Suggestion: "delete the file if it shall have none",
		})
	}
	f.dropConflicts()
	return f
}

// dropConflicts takes out what the file defines twice.
func (f *File) dropConflicts() {
	bad := Conflicts([][]Definition{f.Definitions()})[0]
	twice := map[Key]bool{}
	for _, b := range bad {
		twice[Key{b.Kind, b.Namespace, b.Name}] = true
	}
	f.Policies = slices.DeleteFunc(f.Policies, func(p policy.Policy) bool { return twice[Key{p.Kind, p.Namespace, p.Name}] })
	f.Namespaces = slices.DeleteFunc(f.Namespaces, func(n policy.Namespace) bool { return twice[Key{policy.KindNamespace, n.Name, n.Name}] })
	f.Bad = append(f.Bad, bad...)
}

// Unreadable is the result for a file that cannot even be read.
func Unreadable(name string, err error) *File {
	f := &File{Name: name}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // the name is said already
	}
	f.fail(Error{Position: policy.Position{File: name}, Reason: "cannot be read: " + err.Error(), Suggestion: "make it a readable regular file"})
	return f
}

// fail records a mistake that makes it impossible to tell whom it concerns.
func (f *File) fail(e Error) {
	f.Bad = append(f.Bad, policy.Bad{Everywhere: true, Errors: Errors{e}})
}

// checkBytes refuses what is no text or too much of it.
func checkBytes(name string, data []byte) *Error {
	at := func(offset int) policy.Position {
		p := positionOf(data, offset)
		p.File = name
		return p
	}
	if len(data) > policy.MaxFileSize {
		return &Error{
			Position:   policy.Position{File: name},
			Reason:     fmt.Sprintf("is larger than %d bytes", policy.MaxFileSize),
			Suggestion: "split it into several files",
		}
	}
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && n <= 1:
			return &Error{Position: at(i), Reason: fmt.Sprintf("is not valid UTF-8 (byte 0x%02x)", data[i]), Suggestion: "save it as UTF-8"}
		case r < ' ' && r != '\n' && r != '\r' && r != '\t', r == 0x7f:
			return &Error{Position: at(i), Reason: fmt.Sprintf("has the control character U+%04X", r), Suggestion: "remove it"}
		}
		i += n
	}
	return nil
}

// positionOf counts lines and columns.
func positionOf(data []byte, offset int) policy.Position {
	before := data[:offset]
	return policy.Position{
		Line:   1 + bytes.Count(before, []byte("\n")),
		Column: 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]),
	}
}

// documents reads one document after the other, up to the first that cannot
// even be parsed.
func (f *File) documents(data []byte) {
	next := yamlDocuments(data)
	if strings.HasSuffix(f.Name, ".json") {
		next = jsonDocuments(data)
	}
	budget := &budget{nodes: maxNodes, documents: maxDocuments, errors: maxErrors}
	for !budget.spent() {
		root, mistake := next()
		if mistake != nil {
			mistake.File = f.Name
			f.fail(*mistake)
			return
		}
		if root == nil {
			return
		}
		f.document(root, budget, true)
	}
}

// yamlDocuments yields the roots of the documents, nil at the end.
func yamlDocuments(data []byte) func() (*yaml.Node, *Error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	return func() (*yaml.Node, *Error) {
		for {
			var doc yaml.Node
			err := decodeNode(d, &doc)
			if errors.Is(err, io.EOF) {
				return nil, nil
			}
			if err != nil {
				return nil, yamlError(err)
			}
			if len(doc.Content) > 0 && !isEmpty(doc.Content[0]) {
				return doc.Content[0], nil
			}
		}
	}
}

// isEmpty reports whether a document is only white space and comments.
func isEmpty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Value == ""
}

// decodeNode turns a panic of the parser into an error: the input is hostile,
// and a file that breaks the parser must not keep the other files from being
// read.
func decodeNode(d *yaml.Decoder, into *yaml.Node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: the parser failed: %v", p)
		}
	}()
	return d.Decode(into)
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

func yamlError(err error) *Error {
	e := &Error{Suggestion: "the lines up to there may be indented differently, or a quote, bracket or colon is missing"}
	text := err.Error()
	m := yamlLine.FindStringSubmatch(text)
	if m != nil {
		e.Line, _ = strconv.Atoi(m[1]) // 0, unknown, if the parser names no line
		text = text[len(m[0]):]
	}
	e.Reason = "is not YAML: " + text
	return e
}
