package reader

import (
	"strconv"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/prearm/prearm/policy"
)

// common are the values that entry, section and policy may each have; the
// innermost that is given counts.
type common struct {
	action     policy.Action // "" : not given
	severity   int           // 0: not given
	tags       []string      // nil: not given
	message    string
	hasMessage bool
}

const (
	maxTags    = 64
	maxTag     = 256
	maxMessage = 4096
)

// inherit fills what is not given from the outer values.
func (c *common) inherit(outer common) {
	if c.action == "" {
		c.action = outer.action
	}
	if c.severity == 0 {
		c.severity = outer.severity
	}
	if c.tags == nil {
		c.tags = outer.tags
	}
	if !c.hasMessage {
		c.message, c.hasMessage = outer.message, outer.hasMessage
	}
}

// common adds the fields that read into c.
func (d *decoder) common(c *common, known fields) fields {
	known["action"] = func(n *yaml.Node, at string) {
		if v, ok := d.one(n, at, string(policy.Allow), string(policy.Audit), string(policy.Block)); ok {
			c.action = policy.Action(v)
		}
	}
	known["severity"] = func(n *yaml.Node, at string) {
		v, ok := d.scalar(n, at, "!!int", "a number from 1 to 10")
		if !ok {
			return
		}
		i, err := strconv.ParseInt(v, 10, 32)
		if err != nil || i < 1 || i > 10 {
			d.fail(n, at, "", "%s is not a number from 1 to 10", brief(v))
			return
		}
		c.severity = int(i)
	}
	known["tags"] = func(n *yaml.Node, at string) {
		c.tags = []string{}
		d.list(n, at, func(item *yaml.Node, at string) {
			if v, ok := d.text(item, at, maxTag); ok {
				c.tags = append(c.tags, v)
			}
		})
		if len(c.tags) > maxTags {
			d.fail(n, at, "", "has %d tags, the limit is %d", len(c.tags), maxTags)
		}
	}
	known["message"] = func(n *yaml.Node, at string) {
		if v, ok := d.text(n, at, maxMessage); ok {
			c.message, c.hasMessage = v, true
		}
	}
	return known
}

// text reads a string for people: no control characters but line breaks and
// tabs.
func (d *decoder) text(n *yaml.Node, at string, most int) (string, bool) {
	v, ok := d.str(n, at)
	if !ok {
		return "", false
	}
	if len(v) > most {
		d.fail(n, at, "", "has %d bytes, the limit is %d", len(v), most)
		return "", false
	}
	for _, r := range v {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			d.fail(n, at, "remove it", "has the control character U+%04X", r)
			return "", false
		}
	}
	return v, true
}
