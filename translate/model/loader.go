package model

import (
	"path"
	"strings"
)

// IsLoader says whether the canonical path file is that of a dynamic loader,
// by its base name: glibc's ld-linux-x86-64.so.2, ld-2.31.so, ld64.so.2 and
// ld.so.1, musl's ld-musl-x86_64.so.1 and libc.so (one file under both
// names), uClibc's and Android's. A loader under a name of its own making is
// a program like any other.
func IsLoader(file string) bool {
	base := path.Base(file)
	switch base {
	case "libc.so", "linker", "linker64":
		return true
	}
	return (strings.HasPrefix(base, "ld-") || strings.HasPrefix(base, "ld.") || strings.HasPrefix(base, "ld64.")) &&
		(strings.HasSuffix(base, ".so") || strings.Contains(base, ".so."))
}

// LoaderPatterns match exactly the paths that IsLoader knows.
func LoaderPatterns() []string {
	return []string{
		"/{**/,}{libc.so,linker,linker64}",
		"/{**/,}{ld-,ld.,ld64.}*{.so,.so.*}",
		"/{**/,}{ld,ld64}.so{,.*}", // the prefix's dot is that of .so
	}
}
