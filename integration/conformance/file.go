package conformance

import (
	"strings"

	"github.com/prearm/prearm/policy"
)

// matcher is a way to name objects, and files that it does and does not mean.
type matcher struct {
	object  string // kind, name and recursive
	inside  string // a file that it means
	outside string // one that it does not
	deeper  string // one further down, "" if there is none
	itself  string // the directory, "" if there is none
	fresh   string // the name of a file that it means and that is not there
}

func fileMatchers() []matcher {
	return []matcher{
		{object: "path ~/a", inside: "~/a", outside: "~/b"},
		{object: "dir ~/d", inside: "~/d/a", outside: "~/b", deeper: "~/d/e/a", itself: "~/d", fresh: "~/d/new"},
		{object: "dir ~/d recursive", inside: "~/d/a", outside: "~/b", deeper: "~/d/e/a", itself: "~/d", fresh: "~/d/new"},
		{object: "pattern ~/d/*.k", inside: "~/d/a.k", outside: "~/d/a.j", deeper: "~/d/e/a.k", fresh: "~/d/new.k"},
	}
}

// both reads and writes a file.
func both(file, suffix string) []string {
	if file == "" {
		return nil
	}
	return []string{"read " + file + suffix, "append " + file + suffix}
}

// fileCases is matcher x flags x action x posture.
func fileCases() []*Case {
	var cases []*Case
	for _, m := range fileMatchers() {
		kind, _, _ := strings.Cut(m.object, " ")
		if strings.HasSuffix(m.object, "recursive") {
			kind += ", recursive"
		}
		for _, flags := range []string{"", " readOnly", " ownerOnly", " readOnly ownerOnly"} {
			for _, mode := range modes() {
				c := newCase("file: "+kind, []string{mode.action + " file " + m.object + flags}).under(mode.posture)
				if strings.Contains(flags, "ownerOnly") {
					c.tries(both(m.inside, " uid 1000 owner 1000")...)
					c.tries(both(m.inside, " owner 1000")...)
					c.tries("read " + m.inside + " uid 1001 owner 1000")
					if m.fresh != "" {
						c.tries("create " + m.fresh + " uid 1000")
					}
				} else {
					c.tries(both(m.inside, "")...)
				}
				c.tries(both(m.deeper, "")...)
				c.tries(both(m.outside, "")...)
				if m.itself != "" {
					c.tries("list "+m.itself, "chmod "+m.itself)
				}
				cases = append(cases, c)
			}
		}
	}
	return cases
}

// fileSources is matcher x flags x action x posture x the acting source.
func fileSources() []*Case {
	var cases []*Case
	for _, m := range fileMatchers()[:3] { // patterns have no sources
		for _, flags := range []string{"", " readOnly", " ownerOnly", " readOnly ownerOnly"} {
			for _, mode := range modes() {
				c := newCase("file, from one source", []string{mode.action + " file " + m.object + flags + " from /s"}).under(mode.posture)
				if strings.Contains(flags, "ownerOnly") {
					c.tries(both(m.inside, " as /s uid 1000 owner 1000")...)
					c.tries("read "+m.inside+" as /s owner 1000", "read "+m.inside+" uid 1000 owner 1000", "append "+m.inside+" owner 1000")
				} else {
					c.tries(both(m.inside, " as /s")...)
					c.tries(both(m.inside, "")...)
				}
				c.tries(both(m.outside, " as /s")...)
				c.tries("append " + m.outside)
				cases = append(cases, c)
			}
		}
	}
	for _, mode := range modes() {
		c := newCase("file, from two sources", []string{mode.action + " file path ~/a from /s,/t"}).under(mode.posture)
		c.tries("read ~/a as /s", "append ~/a as /t", "read ~/a as /u", "read ~/b as /t", "read ~/b as /u")
		cases = append(cases, c)
	}
	return cases
}

// fileOperations is every form of reading and writing under some policies.
func fileOperations() []*Case {
	var cases []*Case
	for _, rule := range []string{
		"Block file path ~/a", "Block file path ~/a readOnly", "Audit file path ~/a", "Audit file path ~/a readOnly",
		"Allow file path ~/a readOnly", "Allow file path ~/a", "Block file path ~/a ownerOnly",
	} {
		suffix := ""
		if strings.Contains(rule, "ownerOnly") {
			suffix = " owner 1000"
		}
		for _, access := range []string{
			"list ~/a", "connect ~/a", "write ~/a", "truncate ~/a", "create ~/a", "unlink ~/a", "mkdir ~/a", "rmdir ~/a",
			"mknod ~/a", "rename ~/a ~/z", "replace ~/z ~/a", "link ~/a ~/z", "link ~/z ~/a", "symlink ~/a", "chmod ~/a", "chown ~/a", "share ~/a",
		} {
			cases = append(cases, newCase("file: operations", []string{rule}, access+suffix))
		}
		if suffix != "" {
			for _, access := range []string{
				"unlink ~/a", "rename ~/a ~/z", "create ~/a", "mkdir ~/a", "link ~/a ~/z", "chmod ~/a", "chown ~/a", "share ~/a",
			} {
				if !strings.HasPrefix(access, "create") && !strings.HasPrefix(access, "mkdir") {
					access += " owner 1000"
				}
				cases = append(cases, newCase("file: operations", []string{rule}, access+" uid 1000"))
			}
		}
	}
	// A link is another name without the rule, whoever owns the file.
	for _, rule := range []string{
		"Block file path ~/a", "Block file dir ~/d", "Block file pattern ~/d/*.k", "Block process path ~/a", "Block file path ~/a readOnly", "Allow file dir ~ ownerOnly",
		"Allow file dir ~ recursive", "Allow file dir ~/l", "Audit process path ~/a",
	} {
		object := "~/a"
		switch {
		case strings.Contains(rule, "dir ~/d"):
			object = "~/d/a"
		case strings.Contains(rule, "pattern"):
			object = "~/d/a.k"
		}
		link := " ~/z"
		if strings.HasSuffix(rule, "~/l") {
			link = " ~/l/z"
		}
		c := newCase("file: links to what others own", []string{rule}, "link "+object+link+" owner 1000")
		c.Folders = []string{"~/l"}
		cases = append(cases, c)
	}
	// What is above a blocked object keeps its name.
	for _, access := range []string{
		"rename ~/u ~/w", "rename ~/u/v ~/w", "chmod ~/u/v", "chown ~/u", "rmdir ~/u/v", "mkdir ~/u", "list ~/u/v", "create ~/u/v/b", "mount ~/u",
	} {
		c := newCase("file: above a blocked object", []string{"Block file path ~/u/v/a"}, access)
		if access != "rmdir ~/u/v" && access != "mkdir ~/u" {
			c.Folders = []string{"~/u/v"}
		}
		cases = append(cases, c)
	}
	for _, access := range []string{"rename ~/d ~/w", "rename ~/d/e ~/w", "unlink ~/d/e/a", "create ~/d/e/a", "mkdir ~/d/e", "rename ~/z ~/d/z"} {
		c := newCase("file: below a blocked directory", []string{"Block file dir ~/d recursive"}, access)
		if access != "mkdir ~/d/e" {
			c.Folders = []string{"~/d/e"}
		}
		cases = append(cases, c)
	}
	cases = append(cases,
		newCase("file: mounting", []string{"Audit file path ~/a"}, "mount ~/m"),
		newCase("file: mounting", []string{"Allow file dir ~/d recursive"}, "mount ~/d/m"),
		newCase("file: what is no file operation", []string{"Block file path ~/a"}, "exec ~/a"),
		newCase("file: what is no file operation", []string{"Block file dir ~/d recursive"}, "exec ~/d/e/a", "mount ~/b"),
		newCase("file: what is no file operation", []string{"Block file path ~/a"}, "memfd"),
	)
	return cases
}

// fileBase is what an allow-list leaves readable.
func fileBase() []*Case {
	var cases []*Case
	for _, posture := range []policy.Action{policy.Block, policy.Audit} {
		cases = append(cases, newCase("file: the base set of an allow-list", []string{"Allow file path ~/a"},
			"read /etc/localtime", "append /etc/localtime", "read /etc/secret", "read /usr/lib/libx.so.1", "read /usr/lib/x.txt",
			"append /usr/lib/libx.so.1", "append /dev/null", "read /proc/self/status", "read /proc/1/status",
			"read /proc/1/environ", "read /proc/sys/kernel/hostname").under(posture))
	}
	return cases
}
