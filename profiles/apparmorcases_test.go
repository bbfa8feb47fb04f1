//go:build kernel

package profiles

import (
	"slices"

	"github.com/prearm/prearm/policy"
)

// kernelCases are policies, and what a process can and cannot do under them.
func kernelCases() []kernelCase {
	return slices.Concat(plainCases(), sourceCases(), ownerCases(), residualCases())
}

func plainCases() []kernelCase {
	return []kernelCase{
		{
			name:  "process path",
			rules: []string{"Block|process|path|/tmp/w/bin/a"},
			acts: list(
				denied("exec|/tmp/w/bin/a", "map|/tmp/w/bin/a", "exec|/usr/lib64/ld-linux-x86-64.so.2|/tmp/w/bin/b",
					"exec|/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2|/tmp/w/bin/a", "memfd|/tmp/w/bin/b",
					"rename|/tmp/w/bin/a|/tmp/w/bin/z", "link|/tmp/w/bin/a|/tmp/w/bin/z", "unlink|/tmp/w/bin/a",
					"rename|/tmp/w/free|/tmp/w/bin/a", "exchange|/tmp/w/bin/b|/tmp/w/bin/a", "write|/tmp/w/bin/a",
					"rename|/tmp/w/bin|/tmp/w/binz", "rename|/tmp/w|/tmp/z", "move-tree|/tmp/w/bin|/tmp/w/mnt",
					"mount|/tmp/w/mnt", "bind|/tmp/w/bin|/tmp/w/mnt", "remount|/tmp", "umount|/tmp", "clone-tree|/tmp/w/bin|a"),
				allowed("exec|/tmp/w/bin/b", "exec|/tmp/w/bin/script", "exec|/usr/bin/bash|-c|true", "read|/tmp/w/bin/a", "stat|/tmp/w/bin/a",
					"create|/tmp/w/bin/new", "read|/tmp/w/secret/a", "link|/tmp/w/bin/b|/tmp/w/bin/bb", "unlink|/tmp/w/bin/b",
					"mkdir|/tmp/w/bin/dir", "rename|/tmp/w/data|/tmp/w/dataz", "socket", "userns", "kill", "tmpfile-link|/tmp/w/linked"),
			),
		},
		{
			name:  "process directory with a hole",
			rules: []string{"Block|process|dir|/tmp/w|recursive", "Audit|process|path|/tmp/w/bin/b"},
			acts: list(
				denied("exec|/tmp/w/bin/a", "exec|/tmp/w/bin/script", "rename|/tmp/w|/tmp/z"),
				allowed("exec|/tmp/w/bin/b", "map|/tmp/w/bin/a", "exec|/usr/bin/true", "write|/tmp/w/bin/a", "create|/tmp/w/new", "unlink|/tmp/w/free"),
			),
		},
		{
			name:  "process flat directory",
			rules: []string{"Block|process|dir|/tmp/w"},
			acts:  list(allowed("exec|/tmp/w/bin/a"), denied("memfd|/usr/bin/true")),
		},
		{
			name:  "process name and pattern",
			rules: []string{"Block|process|execname|a", "Block|process|pattern|/tmp/w/bin/[bz]"},
			acts:  list(denied("exec|/tmp/w/bin/a", "exec|/tmp/w/bin/b"), allowed("exec|/tmp/w/bin/c", "link|/tmp/w/bin/c|/tmp/w/bin/cc")),
		},
		{
			name:  "process allow-list",
			rules: []string{"Allow|process|path|/tmp/w/bin/a", "Allow|process|path|/usr/bin/bash"},
			acts: list(
				allowed("exec|/tmp/w/bin/a", "exec|/usr/bin/bash|-c|true", "read|/tmp/w/secret/a", "create|/tmp/w/new"),
				denied("exec|/tmp/w/bin/b", "exec|/usr/bin/true", "exec|/tmp/w/bin/script", "exec|/usr/lib64/ld-linux-x86-64.so.2|/tmp/w/bin/b",
					"memfd|/tmp/w/bin/b", "exec-deleted|/tmp/w/bin/b|/tmp/w/bin/x"),
				[]attempt{{"exec|/usr/bin/bash|-c|/usr/bin/true", "exit"}},
			),
		},
		{
			name:    "process allow-list, audited",
			posture: policy.Audit,
			rules:   []string{"Allow|process|path|/tmp/w/bin/a"},
			acts:    allowed("exec|/tmp/w/bin/a", "exec|/tmp/w/bin/b", "exec|/usr/bin/bash|-c|true"),
		},
		{
			name:  "file directory",
			rules: []string{"Block|file|dir|/tmp/w/secret|recursive"},
			acts: list(
				denied("read|/tmp/w/secret/a", "read|/tmp/w/secret", "read|/tmp/w/secret/deep/c", "write|/tmp/w/secret/a", "append|/tmp/w/secret/a",
					"create|/tmp/w/secret/new", "truncate|/tmp/w/secret/a", "unlink|/tmp/w/secret/a", "mkdir|/tmp/w/secret/new", "rmdir|/tmp/w/secret/empty",
					"rename|/tmp/w/secret/a|/tmp/w/z", "rename|/tmp/w/free|/tmp/w/secret/z", "rename|/tmp/w/secret|/tmp/w/public", "rename|/tmp/w|/tmp/z",
					"link|/tmp/w/secret/a|/tmp/w/z", "link|/tmp/w/free|/tmp/w/secret/z", "symlink|/tmp|/tmp/w/secret/z", "chmod|/tmp/w/secret/a",
					"chown|/tmp/w/secret/a", "mknod|/tmp/w/secret/z", "bind|/tmp/w/secret|/tmp/w/mnt", "mount|/tmp/w/mnt", "clone-tree|/tmp/w/secret|a",
					"move-tree-userns|/tmp/w/secret|/tmp/w/mnt", "read|/proc/self/root/tmp/w/secret/a"),
				allowed("stat|/tmp/w/secret/a", "read|/tmp/w/free", "write|/tmp/w/data/a", "exec|/tmp/w/bin/a", "rename|/tmp/w/data|/tmp/w/dataz",
					"exec|/usr/lib64/ld-linux-x86-64.so.2|/tmp/w/bin/a", "symlink|/tmp/w/secret|/tmp/w/z"),
				denied("chroot-read|/tmp/w|/secret/a"),
			),
			logs: []string{`apparmor="DENIED" operation="open"`, `name="/tmp/w/secret/a"`},
		},
		{
			name:  "file read only, with a hole",
			rules: []string{"Block|file|dir|/tmp/w/data|recursive|readOnly", "Audit|file|dir|/tmp/w/data/deep"},
			acts: list(
				denied("write|/tmp/w/data/a", "create|/tmp/w/data/new", "unlink|/tmp/w/data/a", "rename|/tmp/w/data|/tmp/w/z", "chmod|/tmp/w/data/a"),
				allowed("read|/tmp/w/data/a", "read|/tmp/w/data", "write|/tmp/w/data/deep/c", "create|/tmp/w/data/deep/new"),
			),
		},
		{
			name:  "file pattern and odd names",
			rules: []string{"Block|file|pattern|/tmp/w/*/{a,c}", `Block|file|path|/tmp/w/odd "{x}*/f,[g]`},
			acts: list(
				denied("read|/tmp/w/secret/a", "read|/tmp/w/data/a", `read|/tmp/w/odd "{x}*/f,[g]`, `rename|/tmp/w/odd "{x}*|/tmp/w/even`),
				allowed("read|/tmp/w/data/b", "read|/tmp/w/data/deep/c", `create|/tmp/w/odd "{x}*/f,g`),
			),
		},
		{
			name: "file allow-list",
			rules: []string{"Allow|file|dir|/tmp/w/data|recursive", "Allow|file|path|/tmp/w/free|readOnly", "Block|file|path|/tmp/w/data/b",
				"Allow|file|path|/usr/bin/bash|readOnly"},
			acts: list(
				allowed("read|/tmp/w/data/a", "write|/tmp/w/data/a", "create|/tmp/w/data/new", "read|/tmp/w/data/deep", "read|/tmp/w/free",
					"exec|/tmp/w/bin/a", "exec|/usr/bin/bash|-c|true", "exec|/usr/bin/env|true", "read|/dev/null", "write|/dev/null", "read|/proc/self/status",
					"stat|/etc/passwd", "rename|/tmp/w/data/a|/tmp/w/data/z"),
				denied("read|/etc/passwd", "read|/tmp/w/secret/a", "write|/tmp/w/free", "read|/tmp/w/data/b", "create|/tmp/w/new", "read|/tmp/w/bin/a",
					"read|/tmp/w", "read|/proc/self/environ", "rename|/tmp/w/data/b|/tmp/w/data/z"),
				[]attempt{{"exec|/usr/bin/cat|/etc/passwd", "exit"}, {"exec|/tmp/w/bin/script", "exit"}},
			),
		},
		{
			name:    "file allow-list, audited",
			posture: policy.Audit,
			rules:   []string{"Allow|file|dir|/tmp/w/data|recursive"},
			acts:    allowed("read|/etc/passwd", "write|/tmp/w/free", "read|/tmp/w/data/a", "exec|/usr/bin/bash|-c|true", "mount|/tmp/w/mnt"),
		},
		{
			name:  "audited only",
			rules: []string{"Audit|file|path|/tmp/w/free", "Audit|capabilities|capability|CAP_NET_RAW"},
			acts: list(allowed("read|/tmp/w/free", "write|/tmp/w/free", "mount|/tmp/w/mnt", "bind|/tmp/w/bin|/tmp/w/mnt", "move-tree|/tmp/w/bin|/tmp/w/mnt", "umount|/tmp/w/mnt",
				"socket", "userns", "kill", "io_uring", "exec|/usr/lib64/ld-linux-x86-64.so.2|/tmp/w/bin/a", "exec-deleted|/tmp/w/bin/b|/tmp/w/bin/x", "tmpfile-link|/tmp/w/linked"),
				denied("leave|unconfined", "memfd|/tmp/w/bin/b")),
			logs: []string{`apparmor="AUDIT" operation="open"`, `name="/tmp/w/free"`},
		},
	}
}
