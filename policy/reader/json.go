package reader

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// jsonDocuments yields the values of a JSON file as the nodes that YAML would
// give. The YAML parser does not do it: it lacks some of JSON's escapes.
func jsonDocuments(data []byte) func() (*yaml.Node, *Error) {
	p := &jsonParser{data: data, d: json.NewDecoder(bytes.NewReader(data)), line: 1}
	p.d.UseNumber()
	return func() (*yaml.Node, *Error) {
		n, err := p.value()
		if errors.Is(err, io.EOF) && n == nil {
			return nil, nil
		}
		if err != nil {
			offset := int(p.d.InputOffset())
			var syntax *json.SyntaxError
			if errors.As(err, &syntax) {
				offset = max(offset, min(int(syntax.Offset)-1, len(data)))
			}
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = errors.New("it ends too early")
			}
			return nil, &Error{Position: positionOf(data, offset), Reason: "is not JSON: " + err.Error()}
		}
		return n, nil
	}
}

// maxDepth is far more than any policy needs (managedFields nest deepest).
const maxDepth = 100

type jsonParser struct {
	data []byte
	d    *json.Decoder
	// data[:seen] has been counted: it has line-1 line breaks, the last of
	// them before lineStart.
	seen, line, lineStart int
	depth                 int
}

// value reads the next value; io.EOF and no node means that there is none.
func (p *jsonParser) value() (*yaml.Node, error) {
	token, n, err := p.next()
	if err != nil {
		return nil, err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return n, nil
	}
	n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
	if delim == '{' {
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
	}
	if p.depth++; p.depth > maxDepth {
		return n, fmt.Errorf("it is nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	for p.d.More() {
		item, err := p.value()
		if err != nil {
			return n, err
		}
		n.Content = append(n.Content, item)
	}
	_, _, err = p.next() // the end, which the decoder has matched with its begin
	return n, err
}

// next reads a token; n is a scalar unless it is a delimiter.
func (p *jsonParser) next() (json.Token, *yaml.Node, error) {
	// The decoder tells where a token ends; it begins behind what separates
	// it from the last one.
	at := int(p.d.InputOffset())
	token, err := p.d.Token()
	if err != nil {
		return nil, nil, err
	}
	for at < len(p.data) && bytes.IndexByte([]byte(" \t\r\n,:"), p.data[at]) >= 0 {
		at++
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: p.lineAt(at), Column: 1 + utf8.RuneCount(p.data[p.lineStart:at])}
	switch v := token.(type) {
	case json.Delim:
	case string:
		n.Tag, n.Value = "!!str", v
	case json.Number:
		n.Value = v.String()
		n.Tag = "!!float"
		if !strings.ContainsAny(n.Value, ".eE") {
			n.Tag = "!!int"
		}
	case bool:
		n.Tag, n.Value = "!!bool", fmt.Sprint(v)
	default:
		n.Tag = "!!null"
	}
	return token, n, nil
}

// lineAt counts on from the last token.
func (p *jsonParser) lineAt(offset int) int {
	for ; p.seen < offset; p.seen++ {
		if p.data[p.seen] == '\n' {
			p.line++
			p.lineStart = p.seen + 1
		}
	}
	return p.line
}
