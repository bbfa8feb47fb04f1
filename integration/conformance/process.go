package conformance

import (
	"strings"

	"github.com/prearm/prearm/policy"
)

func processMatchers() []matcher {
	return []matcher{
		{object: "path ~/a", inside: "~/a", outside: "~/b"},
		{object: "dir ~/d", inside: "~/d/a", outside: "~/b", deeper: "~/d/e/a"},
		{object: "dir ~/d recursive", inside: "~/d/a", outside: "~/b", deeper: "~/d/e/a"},
		{object: "pattern ~/d/*.k", inside: "~/d/a.k", outside: "~/d/a.j", deeper: "~/d/e/a.k"},
		{object: "execname tool#", inside: "~/tool#", outside: "~/b", deeper: "~/d/tool#"},
	}
}

// processCases is matcher x flag x action x posture.
func processCases() []*Case {
	var cases []*Case
	for _, m := range processMatchers() {
		kind, _, _ := strings.Cut(m.object, " ")
		if strings.HasSuffix(m.object, "recursive") {
			kind += ", recursive"
		}
		for _, flag := range []string{"", " ownerOnly"} {
			for _, mode := range modes() {
				c := newCase("process: "+kind, []string{mode.action + " process " + m.object + flag}).under(mode.posture)
				if flag != "" {
					c.tries("exec "+m.inside+" uid 1000 owner 1000", "exec "+m.inside+" owner 1000", "exec "+m.inside+" uid 1001 owner 1000")
				} else {
					c.tries("exec " + m.inside)
				}
				if m.deeper != "" {
					c.tries("exec " + m.deeper)
				}
				cases = append(cases, c.tries("exec "+m.outside))
			}
		}
	}
	return cases
}

// processSources is matcher x flag x action x posture x the acting source.
func processSources() []*Case {
	var cases []*Case
	for _, m := range processMatchers() {
		if strings.HasPrefix(m.object, "pattern") {
			continue // has no sources
		}
		for _, flag := range []string{"", " ownerOnly"} {
			for _, mode := range modes() {
				c := newCase("process, from one source", []string{mode.action + " process " + m.object + flag + " from /s"}).under(mode.posture)
				if flag != "" {
					c.tries("exec "+m.inside+" as /s uid 1000 owner 1000", "exec "+m.inside+" as /s owner 1000", "exec "+m.inside+" uid 1000 owner 1000")
				} else {
					c.tries("exec "+m.inside+" as /s", "exec "+m.inside)
				}
				cases = append(cases, c.tries("exec "+m.outside+" as /s", "exec "+m.outside))
			}
		}
	}
	for _, mode := range modes() {
		c := newCase("process, from two sources", []string{mode.action + " process path ~/a from /s,/t"}).under(mode.posture)
		c.tries("exec ~/a as /s", "exec ~/a as /t", "exec ~/a as /u", "exec ~/b as /t", "exec ~/b as /u")
		cases = append(cases, c)
	}
	return append(cases,
		newCase("process, from one source", []string{"Allow file path ~/b", "Audit process path ~/a from /s"}, "exec ~/a as /s", "exec ~/a"),
		newCase("process, from one source", []string{"Allow file path ~/b", "Block process execname tool#", "Audit process execname tool# from /s"}, "exec ~/a as /s", "exec ~/tool# as /s", "exec ~/tool#"),
	)
}

// processObjects is what there is to execute beside plain programs, and what
// else a Block refuses.
func processObjects() []*Case {
	script := func(rule string, accesses ...string) *Case {
		c := newCase("process: scripts", []string{rule}, accesses...)
		c.Scripts = map[string]string{"~/a": "~/i"}
		return c
	}
	const loader = "~/ld-musl-x.so.1"
	cases := []*Case{
		script("Block process path ~/a", "exec ~/a"),
		script("Block process path ~/i", "exec ~/a"),
		script("Audit process path ~/a", "exec ~/a"),
		script("Audit process path ~/i", "exec ~/a"),
		newCase("process: the dynamic loader", []string{"Block process path ~/a"}, "exec "+loader),
		newCase("process: the dynamic loader", []string{"Audit process dir ~/d recursive"}, "exec ~/d/ld-linux.so.2", "exec ~/ld-linux.so.2"),
		newCase("process: the dynamic loader", []string{"Allow process path " + loader}, "exec "+loader),
		newCase("process: the dynamic loader", []string{"Audit process path " + loader}, "exec "+loader),
		newCase("process: the dynamic loader", []string{"Allow process dir ~ recursive"}, "exec "+loader),
		newCase("process: nameless programs", []string{"Block process path ~/a"}, "memfd"),
		newCase("process: nameless programs", []string{"Audit process path ~/a"}, "memfd"),
		newCase("process: nameless programs", []string{"Allow process path ~/a"}, "memfd").under(policy.Audit),
		newCase("process: mapping", []string{"Block process path ~/a"}, "map ~/a", "map ~/b"),
		newCase("process: mapping", []string{"Block process dir ~/d"}, "map ~/d/a"),
		newCase("process: mapping", []string{"Audit process path ~/a"}, "map ~/a"),
		newCase("process: mapping", []string{"Allow process path ~/a"}, "map ~/a", "map ~/b"),
		newCase("process: mapping", []string{"Block process path ~/a", "Allow process path ~/a from /s"}, "map ~/a as /s", "map ~/a"),
		newCase("process: mounting", []string{"Block process path ~/a"}, "mount ~/m"),
		newCase("process: mounting", []string{"Block process execname tool#"}, "mount ~/m"),
		newCase("process: mounting", []string{"Allow process path ~/a"}, "mount ~/m"),
		newCase("process: what is no execution", []string{"Block process path ~/a"}, "read ~/a"),
		newCase("process: what is no execution", []string{"Block process path ~/a"}, "connect ~/a"),
		newCase("process: what is no execution", []string{"Block process dir ~/d"}, "read ~/d/a", "create ~/d/new", "list ~/d"),
	}
	for _, rule := range []string{"Block process path ~/d/a", "Block process dir ~/d", "Block process pattern ~/d/*", "Audit process path ~/d/a"} {
		for _, access := range []string{
			"rename ~/d/a ~/z", "link ~/d/a ~/z", "unlink ~/d/a", "replace ~/z ~/d/a", "append ~/d/a", "chmod ~/d/a", "chown ~/d/a", "truncate ~/d/a", "rename ~/d ~/w", "chmod ~/d",
		} {
			c := newCase("process: the name of a blocked program", []string{rule}, access)
			c.Folders = []string{"~/d"}
			cases = append(cases, c)
		}
	}
	return cases
}
