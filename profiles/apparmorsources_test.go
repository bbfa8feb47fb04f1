//go:build kernel

package profiles

import "github.com/prearm/prearm/policy"

// sourceCases are policies with sources: /tmp/w/bin/{s,t,u} do what others do.
func sourceCases() []kernelCase {
	const s, t, u = "as|/tmp/w/bin/s|", "as|/tmp/w/bin/t|", "as|/tmp/w/bin/u|"
	return []kernelCase{
		{
			name:  "a source may not execute",
			rules: []string{"Block|process|path|/tmp/w/bin/a|/tmp/w/bin/s"},
			acts: list(
				denied(s+"exec|/tmp/w/bin/a", s+"map|/tmp/w/bin/a", s+s+"exec|/tmp/w/bin/a", t+s+"exec|/tmp/w/bin/a", s+t+s+"exec|/tmp/w/bin/a",
					s+"rename|/tmp/w/bin/a|/tmp/w/bin/z", s+"mount|/tmp/w/mnt", "mount|/tmp/w/mnt", "memfd|/tmp/w/bin/b"),
				allowed("exec|/tmp/w/bin/a", t+"exec|/tmp/w/bin/a", s+t+"exec|/tmp/w/bin/a", s+"exec|/tmp/w/bin/b", s+"read|/tmp/w/bin/a",
					s+"exec|/usr/bin/bash|-c|/tmp/w/bin/a", "map|/tmp/w/bin/a", s+"socket", s+"kill", s+"userns",
					"rename|/tmp/w/bin/a|/tmp/w/bin/z"),
			),
			logs: []string{`apparmor="DENIED" operation="exec"`, `name="/tmp/w/bin/a"`},
		},
		{
			name:    "entered as the source",
			program: "/tmp/w/bin/s",
			rules:   []string{"Block|process|path|/tmp/w/bin/a|/tmp/w/bin/s"},
			acts:    list(denied("exec|/tmp/w/bin/a", s+"exec|/tmp/w/bin/a"), allowed("exec|/tmp/w/bin/b", t+"exec|/tmp/w/bin/a")),
		},
		{
			name:  "only a source may execute",
			rules: []string{"Allow|process|path|/tmp/w/bin/a|/tmp/w/bin/s"},
			acts: list(
				allowed(s+"exec|/tmp/w/bin/a", "exec|/tmp/w/bin/b", t+"exec|/usr/bin/true", s+"read|/tmp/w/free"),
				denied("exec|/tmp/w/bin/a", t+"exec|/tmp/w/bin/a", s+"exec|/tmp/w/bin/b", s+t+"exec|/tmp/w/bin/b", "become|1"),
			),
		},
		{
			name:    "only a source may execute, audited",
			posture: policy.Audit,
			rules:   []string{"Allow|process|path|/tmp/w/bin/a|/tmp/w/bin/s"},
			acts:    allowed(s+"exec|/tmp/w/bin/a", "exec|/tmp/w/bin/a", s+"exec|/tmp/w/bin/b", s+t+"exec|/tmp/w/bin/a"),
			logs:    []string{`apparmor="AUDIT" operation="exec"`, `name="/tmp/w/bin/b"`},
		},
		{
			name:  "a source is the exception from a block",
			rules: []string{"Block|process|path|/tmp/w/bin/a", "Audit|process|path|/tmp/w/bin/a|/tmp/w/bin/s", "Block|process|path|/tmp/w/bin/t", "Allow|process|path|/tmp/w/bin/t|/tmp/w/bin/u"},
			acts: list(
				allowed(s+"exec|/tmp/w/bin/a", u+t+"exec|/tmp/w/bin/b"),
				denied("exec|/tmp/w/bin/a", "map|/tmp/w/bin/a", u+"exec|/tmp/w/bin/a", s+t+"read|/tmp/w/free"),
			),
		},
		{
			name:  "a source may read nothing else",
			rules: []string{"Allow|file|dir|/tmp/w/data|/tmp/w/bin/s"},
			acts: list(
				allowed(s+"read|/tmp/w/data/a", s+"write|/tmp/w/data/a", s+"read|/dev/null", "read|/tmp/w/free", t+"read|/etc/passwd",
					s+t+"read|/etc/passwd", s+"exec|/usr/bin/true"),
				denied("read|/tmp/w/data/a", t+"write|/tmp/w/data/a", s+"read|/tmp/w/free", s+"read|/tmp/w/data/deep/c", s+"read|/etc/passwd",
					s+t+"read|/tmp/w/data/a"),
			),
		},
		{
			name: "two sources, and both tiers",
			rules: []string{"Block|file|dir|/tmp/w/secret|recursive|cluster", "Allow|file|path|/tmp/w/secret/a|cluster|/tmp/w/bin/s|/tmp/w/bin/t",
				"Block|file|path|/tmp/w/secret/a|/tmp/w/bin/t", "Block|file|path|/tmp/w/free|readOnly|/tmp/w/bin/u"},
			acts: list(
				allowed(s+"read|/tmp/w/secret/a", "read|/tmp/w/free", u+"read|/tmp/w/free", t+s+"read|/tmp/w/secret/a"),
				denied("read|/tmp/w/secret/a", t+"read|/tmp/w/secret/a", s+"read|/tmp/w/free", u+"write|/tmp/w/free", s+"read|/tmp/w/secret/b", u+"read|/tmp/w/secret/a"),
			),
		},
		{
			name:  "a source that is only narrowed where all are listed",
			rules: []string{"Allow|file|dir|/tmp/w/data|recursive", "Block|file|path|/tmp/w/data/a|/tmp/w/bin/s", "Block|process|path|/tmp/w/bin/a|/tmp/w/bin/s"},
			acts: list(
				allowed("read|/tmp/w/data/a", s+"read|/tmp/w/data/b", t+"read|/tmp/w/data/a", s+t+"read|/tmp/w/data/a", s+"exec|/tmp/w/bin/b", s+t+s+"read|/tmp/w/data/b"),
				denied(s+"read|/tmp/w/data/a", s+"read|/tmp/w/bin/s", s+t+s+"read|/tmp/w/data/a", "read|/tmp/w/bin/s", s+"exec|/tmp/w/bin/a", t+s+"read|/tmp/w/free"),
			),
		},
		{
			name:  "network and capabilities of a source",
			rules: []string{"Block|network|protocol|tcp|/tmp/w/bin/s", "Allow|network|protocol|udp|/tmp/w/bin/t", "Block|capabilities|capability|CAP_SYS_CHROOT|/tmp/w/bin/s", "Allow|capabilities|capability|CAP_SYS_ADMIN|/tmp/w/bin/t"},
			acts: list(
				allowed("socket", u+"socket", s+t+"udp", s+"unix", t+"unix", t+"udp", t+"mount|/tmp/w/mnt", u+"chroot", s+"exec|/tmp/w/bin/a"),
				denied(s+"socket", t+"socket", "udp", s+"udp", t+"packet", u+s+"socket"),
				ending("EPERM", []string{s + "chroot", "mount|/tmp/w/mnt", t + "chroot"}),
			),
		},
		{
			name:  "no_new_privs",
			nnp:   true,
			rules: []string{"Block|process|path|/tmp/w/bin/a|/tmp/w/bin/s", "Block|file|path|/tmp/w/free|/tmp/w/bin/t"},
			acts: list(
				allowed("exec|/tmp/w/bin/a", "read|/tmp/w/free", s+"exec|/tmp/w/bin/b", s+"read|/tmp/w/free", t+"exec|/tmp/w/bin/a", t+"read|/tmp/w/data/a",
					s+t+"exec|/tmp/w/bin/b"),
				denied(s+"exec|/tmp/w/bin/a", t+"read|/tmp/w/free", t+s+"exec|/tmp/w/bin/a", s+t+"read|/tmp/w/free"),
			),
		},
		{
			name:    "no_new_privs, entered as the source",
			program: "/tmp/w/bin/s",
			nnp:     true,
			rules:   []string{"Block|process|path|/tmp/w/bin/a|/tmp/w/bin/s", "Block|file|path|/tmp/w/free|/tmp/w/bin/t"},
			acts:    list(denied("exec|/tmp/w/bin/a", t+"read|/tmp/w/free"), allowed("exec|/tmp/w/bin/b", "read|/tmp/w/free", t+"read|/tmp/w/data/a")),
		},
	}
}

// ownerCases are policies with ownerOnly: users are not the owners of root's.
func ownerCases() []kernelCase {
	return []kernelCase{
		{
			name:  "owners of programs",
			rules: []string{"Block|process|path|/tmp/w/bin/a|ownerOnly", "Block|process|dir|/tmp/w|ownerOnly"},
			acts: list(
				allowed("exec|/tmp/w/bin/a", "map|/tmp/w/bin/a", "user|exec|/tmp/w/bin/b"),
				denied("user|exec|/tmp/w/bin/a", "user|map|/tmp/w/bin/a"),
			),
		},
		{
			name:  "owners of files",
			rules: []string{"Block|file|path|/tmp/w/open|ownerOnly", "Block|file|dir|/tmp/w/shared|ownerOnly", "Block|file|path|/tmp/w/users|ownerOnly|readOnly"},
			acts: list(
				allowed("read|/tmp/w/open", "write|/tmp/w/open", "user|read|/tmp/w/shared/users", "user|create|/tmp/w/shared/new",
					"read|/tmp/w/shared/roots", "user|read|/tmp/w/users"),
				denied("user|read|/tmp/w/open", "user|write|/tmp/w/open", "user|read|/tmp/w/shared/roots", "read|/tmp/w/shared/users",
					"read|/tmp/w/users", "user|write|/tmp/w/users", "rename|/tmp/w|/tmp/z"),
				allowed("unlink|/tmp/w/open"),
			),
		},
		{
			name:  "owners alone in an allow-list",
			rules: []string{"Allow|file|dir|/tmp/w/shared|ownerOnly", "Allow|process|path|/tmp/w/bin/a|ownerOnly", "Allow|process|path|/tmp/w/bin/s"},
			acts: list(
				allowed("exec|/tmp/w/bin/a", "user|read|/tmp/w/shared/users", "read|/tmp/w/shared/roots", "as|/tmp/w/bin/s|user|read|/tmp/w/shared/users"),
				denied("user|exec|/tmp/w/bin/a", "user|read|/tmp/w/shared/roots", "read|/tmp/w/shared/users", "read|/tmp/w/free", "exec|/tmp/w/bin/b"),
			),
		},
		{
			name:  "others are alerted on",
			rules: []string{"Audit|file|path|/tmp/w/open|ownerOnly", "Audit|file|path|/tmp/w/shared/roots|ownerOnly|readOnly"},
			acts:  allowed("read|/tmp/w/open", "write|/tmp/w/open", "user|write|/tmp/w/open", "user|read|/tmp/w/shared/roots"),
			logs:  []string{`apparmor="AUDIT" operation="open"`, `name="/tmp/w/open"`, "fsuid=1000"},
			quiet: []string{"fsuid=0 ouid=0"},
		},
		{
			name:  "owners and sources",
			rules: []string{"Allow|file|path|/tmp/w/open|ownerOnly|/tmp/w/bin/s", "Block|file|path|/tmp/w/shared/roots", "Block|file|path|/tmp/w/shared/roots|ownerOnly|readOnly|/tmp/w/bin/t"},
			acts: list(
				allowed("as|/tmp/w/bin/s|read|/tmp/w/open", "as|/tmp/w/bin/t|read|/tmp/w/shared/roots"),
				denied("read|/tmp/w/open", "as|/tmp/w/bin/s|user|read|/tmp/w/open", "as|/tmp/w/bin/t|user|read|/tmp/w/shared/roots",
					"as|/tmp/w/bin/t|write|/tmp/w/shared/roots", "read|/tmp/w/shared/roots"),
			),
		},
	}
}

// residualCases show the residuals of rules with sources and owners: each act
// that ends otherwise than the rule says, next to one that ends as it says.
func residualCases() []kernelCase {
	const s, t = "as|/tmp/w/bin/s|", "as|/tmp/w/bin/t|"
	block := []string{"Block|process|path|/tmp/w/bin/a|/tmp/w/bin/s"}
	return []kernelCase{
		{
			name:  "apparmor-source-script",
			rules: block,
			acts:  list(denied(s+"exec|/tmp/w/bin/a"), allowed("as|/tmp/w/bin/by-s|exec|/tmp/w/bin/a")),
		},
		{
			name:  "apparmor-source-descriptor",
			rules: []string{"Allow|file|path|/tmp/w/data/a|/tmp/w/bin/s"},
			acts: list(
				allowed("leave-open|/tmp/w/bin/t|/tmp/w/free", "leave-open|/tmp/w/bin/s|/dev/zero"),
				[]attempt{{"leave-open|/tmp/w/bin/s|/tmp/w/free", "lost"}},
			),
		},
		{
			name:  "apparmor-source-read",
			rules: []string{"Allow|file|dir|/tmp/w/data", "Allow|file|path|/tmp/w/free|/tmp/w/bin/s"},
			acts: list(
				allowed(s+"read|/tmp/w/free", s+"read|/tmp/w/bin/s", t+"read|/tmp/w/data/a"),
				denied(t+"read|/tmp/w/bin/t"),
				[]attempt{{s + t + "read|/tmp/w/data/a", "exit"}},
			),
		},
		{
			name:  "apparmor-source-network",
			rules: []string{"Block|network|protocol|udp|/tmp/w/bin/s"},
			acts:  list(denied(s+"udp", s+"ping-socket"), allowed("udp", t+"ping-socket", s+"socket")),
		},
		{
			name:  "apparmor-source-capability",
			rules: []string{"Block|capabilities|capability|CAP_SYS_CHROOT|/tmp/w/bin/s"},
			acts:  list(ending("EPERM", []string{s + "chroot", s + "userns-chroot"}), allowed(t+"userns-chroot", t+"chroot")),
		},
		{
			name:  "apparmor-source-link",
			rules: block,
			acts:  list(denied("link|/tmp/w/bin/s|/tmp/w/bin/ss"), allowed("link|/tmp/w/bin/t|/tmp/w/bin/tt")),
		},
		{
			name:  "apparmor-source-privileges",
			rules: append(block, "Allow|file|path|/tmp/w/data/a|/tmp/w/bin/u"),
			acts: list(
				ending("EPERM", []string{s + "nnp-as|/tmp/w/bin/t|read|/tmp/w/free", t + "nnp-as|/tmp/w/bin/u|read|/tmp/w/data/a"}),
				allowed(t+"nnp-as|/tmp/w/bin/t|read|/tmp/w/free", t+"nnp-as|/tmp/w/bin/s|read|/tmp/w/free", s+t+"as|/tmp/w/bin/u|read|/tmp/w/data/a"),
			),
		},
		{
			name:  "apparmor-source-stacked",
			nnp:   true,
			rules: block,
			acts:  list(denied(s+"exec|/tmp/w/bin/a", s+t+"exec|/tmp/w/bin/a"), allowed(t+"exec|/tmp/w/bin/a")),
		},
		{
			name:  "apparmor-owner-replace",
			rules: []string{"Block|file|path|/tmp/w/shared/roots|ownerOnly"},
			acts:  list(denied("user|read|/tmp/w/shared/roots", "user|unlink|/tmp/w/shared/roots"), allowed("user|rename|/tmp/w/shared/users|/tmp/w/shared/roots")),
		},
	}
}
