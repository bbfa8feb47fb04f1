package translate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/profiles/base"
	"github.com/prearm/prearm/translate/glob"
	"github.com/prearm/prearm/translate/model"
)

// protect keeps a blocked object at its name: it may not be linked, renamed,
// replaced or removed, nor the directories above it renamed. AppArmor has one
// letter for these and for writing.
func (b *profileBuilder) protect(r model.Rule) {
	if r.Action != policy.Block {
		return
	}
	var dir string // the lowest directory that must keep its name
	switch r.Object.Kind {
	case policy.Path:
		dir = path.Dir(r.Object.Name)
		if r.Class == policy.Process {
			if g, err := glob.Literal(r.Object.Name); err == nil {
				b.add("audit deny", g, "mwl")
			}
		}
	case policy.Directory:
		dir = strings.TrimRight(r.Object.Name, "/")
	case policy.Pattern:
		g, err := glob.Parse(r.Object.Name)
		if err != nil {
			return
		}
		dir = path.Dir(g.Prefix() + "x")
	default:
		return
	}
	b.shields = true
	for ; dir != "/" && dir != "." && dir != ""; dir = path.Dir(dir) {
		if g, err := glob.Literal(dir + "/"); err == nil {
			b.add("audit deny", g, "w")
		}
	}
}

// loaders are the names of dynamic loaders, as model.IsLoader has them.
var loaders = []string{
	"/{,**/}{ld-,ld.,ld64.}*.so", "/{,**/}{ld-,ld.,ld64.}*.so.*",
	"/{,**/}{ld,ld64}.so", "/{,**/}{ld,ld64}.so.*",
	"/{,**/}{libc.so,linker,linker64}",
}

// loader denies to run a dynamic loader, or a file without a name, as a
// program, in a tier with process rules, unless a rule of it names the loader.
func (b *profileBuilder) loader(rules []model.Rule) {
	for _, tier := range []policy.Tier{policy.Cluster, policy.Namespaced} {
		ours := inTier(rules, tier)
		if len(ours) == 0 {
			continue
		}
		var named []model.Rule
		for _, r := range ours {
			k := r.Object.Kind
			if (k == policy.Path || k == policy.ExecName) && model.IsLoader(r.Object.Name) {
				named = append(named, r)
			}
		}
		for _, l := range loaders {
			g, err := glob.Parse(l)
			if err != nil {
				panic(err) // a constant
			}
			globs, err := minus(g, named)
			if err != nil {
				b.fail(named[0].Number, err)
				continue
			}
			for _, g := range globs {
				b.add("audit deny", g, "x")
			}
		}
	}
	if len(rules) > 0 {
		memory, err := glob.Parse("/memfd:{,**}")
		if err != nil {
			panic(err) // a constant
		}
		b.add("audit deny", memory, "x")
	}
}

// residuals names what AppArmor does not do of each rule.
func (b *profileBuilder) residuals(rules []model.Rule) {
	kinds := make(map[int]map[policy.ObjectKind]bool)
	for _, r := range rules {
		if kinds[r.Number] == nil {
			kinds[r.Number] = make(map[policy.ObjectKind]bool)
		}
		kinds[r.Number][r.Object.Kind] = true
	}
	for _, r := range rules {
		c := b.out[r.Number]
		if c.Unenforceable != "" || len(c.Residuals) > 0 {
			continue
		}
		switch {
		case r.Class == policy.Process:
			c.Residuals = append(c.Residuals, "apparmor-interpreter", "apparmor-exec-argv0")
			if kinds[r.Number][policy.ExecName] {
				c.Residuals = append(c.Residuals, "apparmor-exec-name")
			}
		case r.Action == policy.Block || r.ReadOnly || r.Action == policy.Allow:
			c.Residuals = append(c.Residuals, "apparmor-unix-connect")
		}
		if r.Action == policy.Block {
			c.Residuals = append(c.Residuals, "apparmor-parent-metadata")
			if r.Class == policy.Process {
				if kinds[r.Number][policy.Path] {
					c.Residuals = append(c.Residuals, "apparmor-tamper-write")
				}
				if kinds[r.Number][policy.Directory] || kinds[r.Number][policy.Pattern] {
					c.Residuals = append(c.Residuals, "apparmor-move-out")
				}
			}
		}
		if b.posture.For(r.Class) == policy.Audit && r.Action == policy.Allow && r.Class == policy.File {
			c.Residuals = append(c.Residuals, "apparmor-audit-base")
		}
		if b.shields && !slices.Contains(c.Mechanisms, ByAppArmor) {
			c.Mechanisms = append(c.Mechanisms, ByAppArmor)
		}
		b.out[r.Number] = c
	}
}

// profile prints the profile. Its name is made of its text and of what the
// kernel's AppArmor can do, so that one name always means one thing.
func (b *profileBuilder) profile(audited []string, host Host) *AppArmor {
	var body strings.Builder
	body.WriteString(base.Profile)
	if !b.shields {
		body.WriteString(base.Mounts)
	}
	for _, name := range audited {
		fmt.Fprintf(&body, "  audit capability %s,\n", strings.ToLower(strings.TrimPrefix(name, "CAP_")))
	}
	seen := make(map[string]bool)
	for _, l := range b.lines {
		text := fmt.Sprintf("\"%s\" %s,", l.glob, l.perms)
		if l.qualifier != "" {
			text = l.qualifier + " " + text
		}
		if !seen[text] {
			seen[text] = true
			body.WriteString("  " + text + "\n")
		}
	}
	sum := sha256.Sum256([]byte(host.AppArmorABI + "\x00" + body.String()))
	name := "prearm-" + hex.EncodeToString(sum[:12])
	text := fmt.Sprintf("profile %s flags=(mediate_deleted) {\n%s}\n", name, body.String())
	return &AppArmor{Name: name, Text: text}
}
