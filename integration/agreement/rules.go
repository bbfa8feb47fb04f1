package agreement

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/glob"
	"github.com/prearm/prearm/translate/model"
)

// Draw is case number of a seed, with that many accesses.
func (w *World) Draw(seed, number uint64, accesses int) (*Case, error) {
	d := drawer{rand.New(rand.NewPCG(seed, number))}
	rules := d.rules()
	resolved, unresolved, err := translate.Resolve(rules, w.root)
	if err != nil {
		return nil, fmt.Errorf("case %d of seed %d: %w", number, seed, err)
	}
	c := &Case{Posture: policy.Posture{File: d.posture(), Network: d.posture(), Capabilities: d.posture()}}
	for _, r := range resolved {
		if unresolved[r.Number] == "" { // a start with such a rule is refused
			c.Rules = append(c.Rules, r)
		}
	}
	if len(c.Rules) == 0 { // nothing would be compiled
		c.Rules = []model.Rule{{Tier: policy.Namespaced, Class: policy.File, Action: policy.Block, Object: policy.Object{Kind: policy.Path, Name: "/a"}}}
	}
	near := newNeighbourhood(d, c.Rules)
	for range accesses {
		c.Accesses = append(c.Accesses, near.access())
	}
	return c, nil
}

// drawer makes random parts of a case.
type drawer struct{ *rand.Rand }

func pick[T any](d drawer, from []T) T { return from[d.IntN(len(from))] }

// oneIn is true once in n times.
func (d drawer) oneIn(n int) bool { return d.IntN(n) == 0 }

func (d drawer) posture() policy.Action {
	return pick(d, []policy.Action{policy.Block, policy.Block, policy.Audit})
}

// rules are most often few, on few paths.
func (d drawer) rules() []policy.Rule {
	n := 1 + d.IntN(8)
	switch {
	case d.oneIn(200):
		n = 150
	case d.oneIn(20):
		n = 10 + d.IntN(30)
	}
	theme := d.theme()
	var all []policy.Rule
	for len(all) < n {
		r := d.rule(theme)
		r.Address = fmt.Sprintf("n/p: rule %d", len(all))
		all = append(all, r)
		if d.oneIn(6) { // the same object once more
			twin := d.rule(theme)
			if twin.Class == r.Class {
				twin.Object = r.Object
				all = append(all, twin)
			}
		}
	}
	return all
}

// theme are paths that the rules of a case are about: one inside the other,
// beside each other, and some of the world.
func (d drawer) theme() []string {
	deep := d.path(6)
	paths := []string{deep, d.path(3), pick(d, spellings), pick(d, spellings)}
	for dir := deep; dir != "/"; dir = parent(dir) {
		paths = append(paths, dir)
	}
	if d.oneIn(12) {
		p := pick(d, long)
		paths = append(paths, p, p, parent(p), parent(p))
	}
	return paths
}

func (d drawer) path(depth int) string {
	var b strings.Builder
	for range 1 + d.IntN(depth) {
		b.WriteString("/" + pick(d, components[:d.vocabulary()]))
	}
	return b.String()
}

// vocabulary prefers the plain components.
func (d drawer) vocabulary() int {
	if d.oneIn(4) {
		return len(components)
	}
	return 9
}

func parent(path string) string {
	if at := strings.LastIndexByte(path, '/'); at > 0 {
		return path[:at]
	}
	return "/"
}

func (d drawer) rule(theme []string) policy.Rule {
	r := policy.Rule{
		Tier:     pick(d, []policy.Tier{policy.Namespaced, policy.Namespaced, policy.Cluster}),
		Class:    pick(d, []policy.Class{policy.Process, policy.Process, policy.Process, policy.File, policy.File, policy.File, policy.File, policy.Network, policy.Capabilities}),
		Action:   pick(d, []policy.Action{policy.Block, policy.Block, policy.Audit, policy.Allow}),
		Severity: 1,
	}
	switch r.Class {
	case policy.Network:
		r.Object = policy.Object{Kind: policy.Protocol, Name: pick(d, []string{"tcp", "udp", "icmp", "icmpv6", "raw", "sctp", "dccp", "all"})}
	case policy.Capabilities:
		r.Object = policy.Object{Kind: policy.Capability, Name: pick(d, capabilities)}
	default:
		r.Object = d.object(r.Class, theme)
		r.OwnerOnly = d.oneIn(5)
		r.ReadOnly = r.Class == policy.File && d.oneIn(5)
	}
	if d.oneIn(3) {
		for range 1 + d.IntN(2) {
			r.Sources = append(r.Sources, policy.Source{Path: d.themed(theme)})
		}
	}
	return r
}

// themed is a path of the theme, or near one.
func (d drawer) themed(theme []string) string {
	p := pick(d, theme)
	if d.oneIn(4) {
		p = strings.TrimSuffix(p, "/") + d.path(2)
	}
	if len(p) > maxPath {
		return "/a"
	}
	return p
}

// capabilities are few of the kernel's, the first and the last among them.
var capabilities = []string{"CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_SYS_ADMIN", "CAP_BPF", "CAP_CHECKPOINT_RESTORE"}

func (d drawer) object(class policy.Class, theme []string) policy.Object {
	switch n := d.IntN(10); {
	case n < 4:
		return policy.Object{Kind: policy.Path, Name: d.themed(theme)}
	case n < 7:
		return policy.Object{Kind: policy.Directory, Name: d.themed(theme), Recursive: d.oneIn(2)}
	case n == 7 && class == policy.Process:
		return policy.Object{Kind: policy.ExecName, Name: d.name(theme)}
	default:
		return policy.Object{Kind: policy.Pattern, Name: d.pattern(theme)}
	}
}

func (d drawer) name(theme []string) string {
	name := path.Base(d.themed(theme))
	if name == "/" || d.oneIn(3) {
		return pick(d, []string{"ls", "vi", "sh", "a", "b", "ab", "busybox", "ld.so", "libc.so"})
	}
	return name
}

// pattern is a path of the theme in which parts have become wildcards, a
// directory with some behind it, or one of a kind that policies have.
func (d drawer) pattern(theme []string) string {
	for {
		text := d.glob(theme)
		if _, err := glob.Parse(text); err == nil && strings.Count(text, "**") < 3 {
			return text
		}
	}
}

func (d drawer) glob(theme []string) string {
	if d.oneIn(5) {
		return pick(d, []string{"/**", "/*", "/**/a", "/**.so", "/{a,b}/**", "/a{,/**}", "/{,usr/}bin/*", "/proc/*/{maps,mem}", "/**/[^a]*", "/?", "/[a-c]/**/x", "/*/*", "/dev/**", "/[!a]*"})
	}
	path := d.themed(theme)
	if len(path) > 600 {
		path = "/a/b"
	}
	parts := strings.Split(path[1:], "/")
	for i := range parts {
		if d.oneIn(2) {
			parts[i] = d.wild(parts[i])
		} else {
			parts[i] = quote(parts[i])
		}
	}
	text := "/" + strings.Join(parts, "/")
	if d.oneIn(3) {
		text = strings.TrimSuffix(text, "/") + pick(d, []string{"/*", "/**", "*", "**", "/**/x", "{,/**}", "/?", "{a,b/**}"})
	}
	return text
}

// wild makes a part of a component's text a wildcard.
func (d drawer) wild(part string) string {
	at := d.IntN(len(part) + 1)
	before, after := quote(part[:at]), quote(part[at:])
	if len(after) > 0 && d.oneIn(2) {
		after = quote(part[at+1:])
	}
	return before + pick(d, []string{"*", "*", "**", "?", "[a-c]", "[^b]", "{a,b,}", "{,x}", "{a,*b}", "[abx]*"}) + after
}

// quote takes their meaning from a glob's special characters.
func quote(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if strings.IndexByte(`*?[]{}^,\`, text[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// sourcesOf are those of all rules, each once.
func sourcesOf(rules []model.Rule) []string {
	var all []string
	for _, r := range rules {
		all = append(all, r.Sources...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
