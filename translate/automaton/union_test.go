package automaton

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/prearm/prearm/translate/glob"
)

// language is one language of a union, and how its paths are known without.
type language struct {
	name string
	add  func(*Union, Mark)
	in   func(path string) bool
}

func anyPath() *rapid.Generator[string] {
	component := rapid.SampledFrom([]string{"a", "b", "ab", "abc", "usr", "x.so", "\x01", "é"})
	return rapid.Custom(func(t *rapid.T) string {
		return "/" + strings.Join(rapid.SliceOfN(component, 0, 4).Draw(t, "path"), "/")
	})
}

func anyLanguage() *rapid.Generator[language] {
	return rapid.Custom(func(t *rapid.T) language {
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0, 1:
			p := anyPath().Draw(t, "path")
			return language{p, func(u *Union, m Mark) { u.Path(p, m) }, func(s string) bool { return s == p }}
		case 2:
			dir := anyPath().Draw(t, "dir")
			recursive := rapid.Bool().Draw(t, "recursive")
			return language{fmt.Sprint(dir, "/ ", recursive), func(u *Union, m Mark) { u.Directory(dir, recursive, m) }, func(s string) bool {
				rest, below := strings.CutPrefix(s, strings.TrimSuffix(dir, "/")+"/")
				return s == dir || below && (recursive || !strings.Contains(rest, "/"))
			}}
		case 3:
			name := rapid.SampledFrom([]string{"a", "ab", "x.so", "usr"}).Draw(t, "name")
			return language{name, func(u *Union, m Mark) { u.Name(name, m) }, func(s string) bool { return path.Base(s) == name }}
		default:
			text := rapid.SampledFrom([]string{"/a/*", "/**", "/a/**/b", "/{a,b}{,/**}", "/[^a]*", "/**.so", "/a{b,}/?", "/{**/,}ab", "/*/b", "/a*c", "/ab[^x]?"}).Draw(t, "glob")
			g, err := glob.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			return language{text, func(u *Union, m Mark) { u.Glob(g, m) }, g.Match}
		}
	})
}

// walk reads cells as the kernel's side does.
func walk(cells []uint64, base int, root uint32, text string) (row uint32, read int) {
	at := func(i uint32) uint64 {
		if int(i) < base || int(i)-base >= len(cells) {
			return 0
		}
		return cells[int(i)-base]
	}
	state := root
	for ; read < len(text) && state&stop == 0; read++ {
		next := at(state + uint32(text[read]))
		if uint32(next) != state {
			next = at(state + meta)
		}
		state = uint32(next >> 32)
	}
	return uint32(at(state&^stop + meta)), read
}

// TestUnion: for every path, the packed automaton has the answer for exactly
// the languages that the path is in.
func TestUnion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		languages := rapid.SliceOfN(anyLanguage(), 0, 8).Draw(t, "languages")
		u := New()
		for i, l := range languages {
			l.add(u, Mark(i))
		}
		names := rapid.Bool().Draw(t, "names")
		var rows []string
		row := func(text string) int32 {
			if i := slices.Index(rows, text); i >= 0 {
				return int32(i)
			}
			rows = append(rows, text)
			return int32(len(rows) - 1)
		}
		a, err := u.Build(1<<20, func(marks []Mark, path string) (Answer, error) {
			for i, l := range languages {
				if l.in(path) != slices.Contains(marks, Mark(i)) {
					t.Fatalf("%q has the marks %v", path, marks)
				}
			}
			out := Answer{Row: row(fmt.Sprint(marks))}
			if names && len(marks) > 0 {
				out.Named = map[string]int32{"a": row("a" + fmt.Sprint(marks)), "abc": row("x")}
			}
			return out, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		base := len(rows) + 1
		p := NewPacker(base, 1<<20)
		root, err := p.Pack(a, func(row int32) uint32 { return uint32(row) + 1 })
		if err != nil {
			t.Fatal(err)
		}
		for range 50 {
			path := anyPath().Draw(t, "path")
			marks := []Mark{}
			for i, l := range languages {
				if l.in(path) {
					marks = append(marks, Mark(i))
				}
			}
			want, text := fmt.Sprint(marks), path
			if names {
				name := rapid.SampledFrom([]string{"a", "ab", "abc", "abcd", "z", ""}).Draw(t, "name")
				text += "\x00" + name
				switch {
				case len(marks) == 0:
				case name == "a":
					want = "a" + want
				case name == "abc":
					want = "x"
				}
			}
			if got, _ := walk(p.Cells(), base, root, text); got == 0 || rows[got-1] != want {
				t.Fatalf("%q: row %d of %q, want %s", text, got, rows, want)
			}
		}
	})
}

// TestWalkEnds: a path outside every rule is read no further than its first
// component, and one that is decided no further than that.
func TestWalkEnds(t *testing.T) {
	u := New()
	u.Path("/etc/shadow", 0)
	u.Directory("/usr/local", true, 1)
	a, err := u.Build(1<<16, func(marks []Mark, _ string) (Answer, error) { return Answer{Row: int32(len(marks))}, nil })
	if err != nil {
		t.Fatal(err)
	}
	p := NewPacker(8, 1<<16)
	root, err := p.Pack(a, func(row int32) uint32 { return uint32(row) })
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		"/home/user/file":     2,
		"/etc/passwd":         len("/etc/p"),
		"/etc/shadow/x/y":     len("/etc/shadow/"),
		"/usr/local/bin/tool": len("/usr/local/"),
	} {
		if _, read := walk(p.Cells(), 8, root, path); read != want {
			t.Errorf("%s: read %d bytes, want %d", path, read, want)
		}
	}
}

// manyPaths is a union of n paths as large policies have them.
func manyPaths(n int) *Union {
	u := New()
	for i := range n {
		u.Path(fmt.Sprintf("/usr/share/application-%d/data/component-%d/file%d.conf", i%97, i%1009, i), Mark(i))
	}
	for _, text := range []string{"/{,usr/}{,local/}lib{,32,64,x32}/{,**/}*.so{,.*}", "/{**/,}{ld-,ld.,ld64.}*{.so,.so.*}"} {
		g, err := glob.Parse(text)
		if err != nil {
			panic(err)
		}
		u.Glob(g, Mark(n))
	}
	return u
}

func oneRowEach(marks []Mark, _ string) (Answer, error) {
	if len(marks) == 0 {
		return Answer{}, nil
	}
	return Answer{Row: 1 + int32(marks[0])}, nil
}

// TestManyPaths: 10,000 paths are compiled in much less than a second, and
// what is too large is an error that says by how much.
func TestManyPaths(t *testing.T) {
	const n = 10_000
	begun := time.Now()
	a, err := manyPaths(n).Build(1<<21, oneRowEach)
	if err != nil {
		t.Fatal(err)
	}
	p := NewPacker(n+16, 1<<21)
	root, err := p.Pack(a, func(row int32) uint32 { return uint32(row) })
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(begun)
	used := 0
	for _, c := range p.Cells() {
		if c != 0 {
			used++
		}
	}
	t.Logf("%v, %d states, %d cells, %d of them used", took, len(a.states), len(p.Cells()), used)
	for i := range n {
		path := fmt.Sprintf("/usr/share/application-%d/data/component-%d/file%d.conf", i%97, i%1009, i)
		if row, _ := walk(p.Cells(), n+16, root, path); row != uint32(i)+1 {
			t.Fatalf("%s: row %d", path, row)
		}
	}
	var large *TooLargeError
	if _, err := manyPaths(n).Build(1<<16, oneRowEach); !errors.As(err, &large) {
		t.Errorf("got %v", err)
	} else {
		t.Log(err)
	}
	if _, err := NewPacker(n+16, 1<<18).Pack(a, func(row int32) uint32 { return uint32(row) }); !errors.As(err, &large) || large.Cells < used {
		t.Errorf("got %v", err)
	}
}

// TestMultiplyingGlobs: globs of which a deterministic automaton needs
// exponentially many states are refused, soon.
func TestMultiplyingGlobs(t *testing.T) {
	u := New()
	g, err := glob.Parse("/**a" + strings.Repeat("?", 40))
	if err != nil {
		t.Fatal(err)
	}
	u.Glob(g, 0)
	_, err = u.Build(1<<16, oneRowEach)
	var large *TooLargeError
	if !errors.As(err, &large) {
		t.Errorf("got %v", err)
	}
	u = New()
	for i := range 3000 {
		if g, err = glob.Parse(fmt.Sprintf("/**/name%d*", i)); err != nil {
			t.Fatal(err)
		}
		u.Glob(g, 0)
	}
	if _, err = u.Build(1<<21, oneRowEach); !errors.Is(err, ErrMultiply) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkBuild10000(b *testing.B) {
	for b.Loop() {
		a, err := manyPaths(10_000).Build(1<<21, oneRowEach)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := NewPacker(10_016, 1<<21).Pack(a, func(row int32) uint32 { return uint32(row) }); err != nil {
			b.Fatal(err)
		}
	}
}
