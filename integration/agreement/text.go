package agreement

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

// String is the case in the form that Parse reads: a line for the posture, for
// each rule and for each access, of words that are quoted as in Go where they
// are no plain text.
//
//	posture Block Audit Block
//	rule 0 namespaced file Allow dir /a recursive from /b ownerOnly
//	access file write /a/x as /b uid 0 owner 1
//	access process exec /usr/bin/busybox named ls as ""
//	access network create 2:3:1 as /b
//	access capabilities use CAP_KILL as /b
//	access "" mount
func (c *Case) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "posture %s %s %s\n", c.Posture.File, c.Posture.Network, c.Posture.Capabilities)
	for _, r := range c.Rules {
		b.WriteString(ruleText(r) + "\n")
	}
	for _, a := range c.Accesses {
		b.WriteString(accessText(a) + "\n")
	}
	return b.String()
}

func ruleText(r model.Rule) string {
	words := []string{"rule", strconv.Itoa(r.Number), string(r.Tier), string(r.Class), string(r.Action), string(r.Object.Kind), word(r.Object.Name)}
	if r.Object.Recursive {
		words = append(words, "recursive")
	}
	for _, s := range r.Sources {
		words = append(words, "from", word(s))
	}
	if r.OwnerOnly {
		words = append(words, "ownerOnly")
	}
	if r.ReadOnly {
		words = append(words, "readOnly")
	}
	return strings.Join(words, " ")
}

func accessText(a model.Access) string {
	words := []string{"access", word(string(a.Class)), string(a.Operation)}
	switch a.Class {
	case policy.Process, policy.File:
		words = append(words, word(a.Path))
		if a.ExecName != "" {
			words = append(words, "named", word(a.ExecName))
		}
	case policy.Network:
		words = append(words, fmt.Sprintf("%d:%d:%d", a.Socket.Family, a.Socket.Type, a.Socket.Protocol))
	case policy.Capabilities:
		words = append(words, a.Name)
	default:
		return strings.Join(words, " ")
	}
	words = append(words, "as", word(a.Source))
	if a.Foreign {
		words = append(words, "foreign")
	}
	if a.Class == policy.Process || a.Class == policy.File {
		words = append(words, "uid", fmt.Sprint(a.UID), "owner", fmt.Sprint(a.Owner))
	}
	return strings.Join(words, " ")
}

// word is s as one word.
func word(s string) string {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return strconv.Quote(s)
		}
	}
	if s == "" {
		return `""`
	}
	return s
}

// words divides a line.
func words(line string) ([]string, error) {
	var all []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if line[0] != '"' {
			w, rest, _ := strings.Cut(line, " ")
			all, line = append(all, w), rest
			continue
		}
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
		w, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", quoted, err)
		}
		all, line = append(all, w), line[len(quoted):]
	}
	return all, nil
}

// Parse reads a case. Lines that are empty or begin with # are left out.
func Parse(text string) (*Case, error) {
	c := &Case{}
	for i, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		if err := c.parse(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return c, nil
}

func (c *Case) parse(line string) error {
	all, err := words(line)
	if err != nil {
		return err
	}
	p := &parser{words: all}
	switch kind := p.next(); kind {
	case "posture":
		c.Posture = policy.Posture{File: policy.Action(p.next()), Network: policy.Action(p.next()), Capabilities: policy.Action(p.next())}
	case "rule":
		c.Rules = append(c.Rules, p.rule())
	case "access":
		c.Accesses = append(c.Accesses, p.access())
	default:
		return fmt.Errorf("%q is no posture, rule or access", kind)
	}
	if p.err == nil && len(p.words) > 0 {
		p.err = fmt.Errorf("%q is too much", p.words[0])
	}
	return p.err
}

// parser takes the words of a line, and keeps the first error.
type parser struct {
	words []string
	err   error
}

func (p *parser) next() string {
	if len(p.words) == 0 {
		p.fail(errors.New("the line is too short"))
		return ""
	}
	w := p.words[0]
	p.words = p.words[1:]
	return w
}

func (p *parser) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

func (p *parser) number() int {
	n, err := strconv.Atoi(p.next())
	if err != nil {
		p.fail(err)
	}
	return n
}

func (p *parser) rule() model.Rule {
	r := model.Rule{Number: p.number(), Tier: policy.Tier(p.next()), Class: policy.Class(p.next()), Action: policy.Action(p.next())}
	r.Object = policy.Object{Kind: policy.ObjectKind(p.next()), Name: p.next()}
	for len(p.words) > 0 && p.err == nil {
		switch w := p.next(); w {
		case "recursive":
			r.Object.Recursive = true
		case "from":
			r.Sources = append(r.Sources, p.next())
		case "ownerOnly":
			r.OwnerOnly = true
		case "readOnly":
			r.ReadOnly = true
		default:
			p.fail(fmt.Errorf("rules have no %q", w))
		}
	}
	return r
}

func (p *parser) access() model.Access {
	a := model.Access{Class: policy.Class(p.next()), Operation: model.Operation(p.next())}
	switch a.Class {
	case policy.Process, policy.File:
		a.Path = p.next()
	case policy.Network:
		s := &a.Socket
		if _, err := fmt.Sscanf(p.next(), "%d:%d:%d", &s.Family, &s.Type, &s.Protocol); err != nil {
			p.fail(err)
		}
	case policy.Capabilities:
		a.Name = p.next()
	}
	for len(p.words) > 0 && p.err == nil {
		switch w := p.next(); w {
		case "named":
			a.ExecName = p.next()
		case "foreign":
			a.Foreign = true
		case "as":
			a.Source = p.next()
		case "uid":
			a.UID = uint32(p.number())
		case "owner":
			a.Owner = uint32(p.number())
		default:
			p.fail(fmt.Errorf("accesses have no %q", w))
		}
	}
	return settle(a)
}
