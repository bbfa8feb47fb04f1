package conformance

import "github.com/prearm/prearm/policy"

// precedence is which of several rules decides.
func precedence() []*Case {
	group := "several rules: which one decides"
	return []*Case{
		newCase(group, []string{"Block file dir ~/d recursive", "Allow file path ~/d/a"}, "read ~/d/a", "append ~/d/a", "read ~/d/b", "read ~/out").under(policy.Audit),
		newCase(group, []string{"Block file dir ~/d recursive", "Audit file path ~/d/a"}, "read ~/d/a", "append ~/d/a", "read ~/d/b"),
		newCase(group, []string{"Allow file dir ~/d recursive", "Block file path ~/d/a"}, "read ~/d/a", "read ~/d/b", "append ~/d/e/c", "read ~/out"),
		newCase(group, []string{"Allow file dir ~/d recursive", "Audit file path ~/d/a readOnly"}, "read ~/d/a", "append ~/d/a", "append ~/d/b"),
		newCase(group, []string{"Audit file dir ~/d recursive", "Block file dir ~/d/e"}, "read ~/d/a", "read ~/d/e/a", "read ~/d/e/f/a", "list ~/d/e"),
		newCase(group, []string{"Block file dir ~/d recursive", "Audit file dir ~/d"}, "read ~/d/a", "read ~/d/e/a"),
		newCase(group, []string{"Block file dir ~/d recursive", "Audit file pattern ~/d/**.k"}, "read ~/d/a", "read ~/d/a.k", "append ~/d/e/a.k"),
		newCase(group, []string{"Audit file path ~/d/a.k", "Block file pattern ~/d/*.k"}, "read ~/d/a.k", "read ~/d/b.k", "read ~/d/b"),
		newCase(group, []string{"Block file pattern ~/d/*.k", "Audit file pattern ~/d/a*"}, "read ~/d/a.k", "read ~/d/b.k", "read ~/d/a"),
		newCase(group, []string{"Block file path ~/a", "Audit file path ~/a"}, "read ~/a"),
		newCase(group, []string{"Audit file path ~/a", "Allow file path ~/a"}, "read ~/a", "append ~/a"),
		newCase(group, []string{"Allow file path ~/a", "Block file path ~/a"}, "read ~/a"),
		newCase(group, []string{"Allow file path ~/a readOnly", "Allow file dir ~ recursive"}, "read ~/a", "append ~/a", "append ~/b"),
		newCase(group, []string{"Allow file path ~/a readOnly", "Block file path ~/a readOnly"}, "read ~/a", "append ~/a"),
		newCase(group, []string{"Allow file path ~/a ownerOnly", "Block file dir ~ recursive"}, "read ~/a uid 1000 owner 1000", "read ~/a owner 1000", "read ~/b"),
		newCase(group, []string{"Block file path ~/a", "Audit file path ~/a from /s"}, "read ~/a as /s", "read ~/a"),
		newCase(group, []string{"Block file path ~/a", "Allow file dir ~ recursive from /s"}, "read ~/a as /s", "append ~/a as /s", "read ~/a", "read ~/b as /s", "read ~/b"),
		newCase(group, []string{"Block file path ~/a from /s", "Audit file path ~/a"}, "read ~/a as /s", "read ~/a"),
		newCase(group, []string{"Allow file path ~/a from /s", "Block file path ~/a from /t"}, "read ~/a as /s", "read ~/a as /t", "read ~/a", "read ~/b as /s", "read ~/b as /t"),
		newCase(group, []string{"Allow file path ~/a from /s", "Audit file path ~/a"}, "read ~/a as /s", "read ~/a"),
		newCase(group, []string{"Allow file path ~/a from /s", "Allow file path ~/b from /s,/t"}, "read ~/a as /s", "read ~/b as /s", "read ~/a as /t", "read ~/b as /t", "read ~/b", "read ~/c as /s"),
		newCase(group, []string{"Block process dir ~/d recursive", "Audit process path ~/d/a"}, "exec ~/d/a", "exec ~/d/b"),
		newCase(group, []string{"Block process dir ~/d recursive", "Audit process execname tool#"}, "exec ~/d/tool#", "exec ~/d/b", "exec ~/tool#"),
		newCase(group, []string{"Allow process dir ~/d recursive", "Block process path ~/d/a"}, "exec ~/d/a", "exec ~/d/b", "exec ~/out"),
		newCase(group, []string{"Allow process dir ~/d recursive", "Block process pattern ~/d/*.k"}, "exec ~/d/a.k", "exec ~/d/b"),
		newCase(group, []string{"Block process path ~/a", "Audit process path ~/a from /s"}, "exec ~/a as /s", "exec ~/a"),
		newCase(group, []string{"Audit process path ~/a", "Block process path ~/a from /s"}, "exec ~/a as /s", "exec ~/a"),
		newCase(group, []string{"Allow process path ~/a from /s", "Block process path ~/a from /t"}, "exec ~/a as /s", "exec ~/a as /t", "exec ~/a"),
		newCase(group, []string{"Block process path ~/a", "Audit file path ~/a"}, "exec ~/a", "read ~/a"),
		newCase(group, []string{"Audit process path ~/a", "Block file path ~/a"}, "exec ~/a", "read ~/a"),
	}
}

// tiers is cluster policies against namespaced ones.
func tiers() []*Case {
	group := "cluster and namespaced policies"
	return []*Case{
		newCase(group, []string{"cluster Block file path ~/a", "Audit file path ~/a"}, "read ~/a"),
		newCase(group, []string{"cluster Audit file path ~/a", "Block file path ~/a"}, "read ~/a"),
		newCase(group, []string{"cluster Audit file path ~/a", "Block file dir ~ recursive"}, "read ~/a", "read ~/b"),
		newCase(group, []string{"cluster Block file dir ~/d recursive", "Audit file path ~/d/a"}, "read ~/d/a", "read ~/d/b"),
		newCase(group, []string{"cluster Block file path ~/a readOnly", "Audit file path ~/a"}, "read ~/a", "append ~/a"),
		newCase(group, []string{"cluster Allow file dir ~ recursive", "Block file path ~/a"}, "read ~/a", "read ~/b", "read /etc/secret"),
		newCase(group, []string{"cluster Block file path ~/a", "Allow file dir ~ recursive"}, "read ~/a", "append ~/b", "read /etc/secret"),
		newCase(group, []string{"cluster Allow file dir ~/d recursive", "Allow file dir ~/d/e"}, "read ~/d/a", "read ~/d/e/a", "read ~/out"),
		newCase(group, []string{"cluster Allow file dir ~/d recursive", "Allow file path ~/out"}, "read ~/d/a", "read ~/out"),
		newCase(group, []string{"cluster Audit file dir ~ recursive", "Allow file path ~/a"}, "read ~/a", "read ~/b", "read /etc/secret"),
		newCase(group, []string{"cluster Allow file dir ~ recursive", "Allow file path ~/a"}, "read ~/a", "read ~/b").under(policy.Audit),
		newCase(group, []string{"cluster Block process path ~/a", "Allow process dir ~ recursive"}, "exec ~/a", "exec ~/b"),
		newCase(group, []string{"cluster Allow process dir ~ recursive", "Block process path ~/a"}, "exec ~/a", "exec ~/b"),
		newCase(group, []string{"cluster Audit process path ~/a", "Block process execname tool#"}, "exec ~/a", "exec ~/tool#"),
		newCase(group, []string{"cluster Audit process dir ~ recursive", "Block process path ~/a"}, "exec ~/a", "exec ~/b"),
		newCase(group, []string{"cluster Block file path ~/a from /s", "Allow file path ~/a from /s"}, "read ~/a as /s", "read ~/a"),
		newCase(group, []string{"cluster Audit file path ~/a", "Block file path ~/a from /s"}, "read ~/a as /s", "read ~/a"),
		newCase(group, []string{"cluster Allow file path ~/a from /s", "Allow file path ~/b from /s"}, "read ~/a as /s", "read ~/b as /s", "read ~/a", "read ~/c"),
		newCase(group, []string{"cluster Block process path ~/a from /s", "Audit process path ~/a"}, "exec ~/a as /s", "exec ~/a"),
		newCase(group, []string{"cluster Audit network protocol tcp", "Block network protocol udp"}, "socket tcp", "socket udp", "socket rawicmp"),
		newCase(group, []string{"cluster Block network protocol raw", "Allow network protocol all"}, "socket tcp", "socket rawicmp", "socket packet"),
		newCase(group, []string{"cluster Allow network protocol tcp", "Allow network protocol all"}, "socket tcp", "socket udp"),
		newCase(group, []string{"cluster Block capabilities capability CAP_CHOWN", "Audit capabilities capability CAP_CHOWN"}, "capability ~/f CAP_CHOWN"),
	}
}

// links is what a rule on a symbolic link means.
func links() []*Case {
	group := "symbolic links"
	with := func(c *Case, links ...string) *Case {
		c.Links = make(map[string]string)
		for i := 0; i < len(links); i += 2 {
			c.Links[links[i]] = links[i+1]
		}
		return c
	}
	// As a projected volume has it: what the links lead through changes.
	volume := func(c *Case) *Case {
		return with(c, "~/v/..data", "..first", "~/v/token", "..data/token")
	}
	return []*Case{
		with(newCase(group, []string{"Block file path ~/l"}, "read ~/l", "read ~/a", "append ~/a", "read ~/b"), "~/l", "~/a"),
		with(newCase(group, []string{"Block file path ~/l"}, "unlink ~/l"), "~/l", "~/a"),
		with(newCase(group, []string{"Audit file path ~/l"}, "read ~/l", "read ~/a"), "~/l", "~/a"),
		with(newCase(group, []string{"Allow file path ~/l"}, "read ~/l", "read ~/a", "read ~/b"), "~/l", "~/a"),
		with(newCase(group, []string{"Block file path ~/a"}, "read ~/l"), "~/l", "~/a"),
		with(newCase(group, []string{"Block file path ~/m/a"}, "read ~/d/a", "read ~/d/b"), "~/m", "~/d"),
		with(newCase(group, []string{"Block file dir ~/m recursive"}, "read ~/d/a", "read ~/d/e/a"), "~/m", "~/d"),
		with(newCase(group, []string{"Block file pattern ~/m/*.k"}, "read ~/d/a.k", "read ~/d/a"), "~/m", "~/d"),
		with(newCase(group, []string{"Block process path ~/l"}, "exec ~/l", "exec ~/a", "exec ~/b"), "~/l", "~/a"),
		with(newCase(group, []string{"Block process path ~/a"}, "exec ~/l"), "~/l", "~/a"),
		with(newCase(group, []string{"Allow process path ~/l"}, "exec ~/l", "exec ~/a", "exec ~/b"), "~/l", "~/a"),
		with(newCase(group, []string{"Block process path ~/ls#"}, "exec ~/ls#", "exec ~/cat#", "exec ~/busybox"), "~/ls#", "~/busybox", "~/cat#", "~/busybox"),
		with(newCase(group, []string{"Block process execname ls#"}, "exec ~/ls#", "exec ~/a"), "~/ls#", "~/a"),
		volume(newCase(group, []string{"Block file path ~/v/token"}, "read ~/v/..first/token", "read ~/v/..second/token", "read ~/v/other/token")),
		with(newCase(group, []string{"Audit file path ~/a from ~/l"}, "read ~/a as ~/s", "read ~/a"), "~/l", "~/s"),
	}
}
