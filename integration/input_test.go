//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tcp is a policy that every kernel here can enforce.
var tcp = classes[2].rule

// longestError bounds the words of a refused start, in bytes: they end up in
// terminals and in Kubernetes events.
const longestError = 64 << 10

// TestMalformedPolicy: a file that nobody can read refuses every start, one
// whose namespace is known those of its namespace; and a good version stays
// in force when a bad one follows it.
func TestMalformedPolicy(t *testing.T) {
	leaveTo(t, native)
	bad := "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\n" +
		"metadata:\n  name: bad\n  namespace: %s\nspec:\n  selector: {}\n  procces: {}\n"
	for name, test := range map[string]struct {
		text    string
		refused bool
	}{
		"not YAML":                   {"spec: [}\n", true},
		"unknown field":              {bad, true},
		"other namespace's":          {strings.Replace(bad, "%s", "elsewhere", 1), false},
		"not text":                   {"\x00\xff\xfe\x01", true},
		"another kind":               {"apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n", true},
		"no policy at all":           {"# nothing\n", true},
		"a document that never ends": {"a: &a [*a, *a]\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			text := test.text
			if strings.Contains(text, "%s") {
				text = fmt.Sprintf(text, n.Namespace)
			}
			n.file("bad.yaml", text)
			c := n.Container(n.fixture, "/act/nothing")
			if !test.refused {
				if r := n.run(c); r.Exit != 0 {
					t.Errorf("ended with %d", r.Exit)
				}
				return
			}
			if words := n.refused(c); !strings.Contains(words, "bad.yaml") {
				t.Errorf("the error does not name the file: %s", words)
			}
		})
	}
	t.Run("after a good one", func(t *testing.T) {
		n := newNode(t)
		n.policy("tcp", tcp)
		c := n.Container(n.fixture, "/act/tcp")
		if words := n.closed(c); words != "" {
			t.Fatalf("the good version: %s", words)
		}
		n.file("tcp.yaml", "spec: [}\n")
		if words := n.closed(c); words != "" {
			t.Errorf("the good version is no longer in force: %s", words)
		}
	})
}

// TestEditedPolicy: a start goes by the policies as they are, however they
// were changed.
func TestEditedPolicy(t *testing.T) {
	leaveTo(t, native)
	n := newNode(t)
	c := n.Container(n.fixture, "/act/tcp")
	expect := func(what string, denied bool) {
		t.Helper()
		if r := n.run(c); (r.Exit != 0) != denied {
			t.Errorf("%s: ended with %d", what, r.Exit)
		}
	}
	expect("no policy", false)
	n.policy("net", tcp)
	expect("a new file", true)
	path := filepath.Join(n.Policies, "net.yaml")
	old, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	n.policy("net", strings.Replace(tcp, "tcp", "udp", 1))
	expect("a file edited in place", false)
	n.policy("net", tcp)
	// The same size and times, as an editor that preserves them leaves it.
	if err := os.Chtimes(path, old.ModTime(), old.ModTime()); err != nil {
		t.Fatal(err)
	}
	expect("a file edited behind its times", true)
	n.policy("udp", strings.Replace(tcp, "tcp", "udp", 1))
	if err := os.Rename(filepath.Join(n.Policies, "udp.yaml"), path); err != nil {
		t.Fatal(err)
	}
	expect("a file replaced by another", false)
	n.policy("net", tcp)
	expect("a file written again", true)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	expect("a file removed", false)
}

// TestBigPolicies: size is a clear error or the right result, in time.
func TestBigPolicies(t *testing.T) {
	leaveTo(t, "6.1")
	t.Run("a file of 10 MB", func(t *testing.T) {
		n := newNode(t)
		n.policy("net", tcp+"\n  message: "+strings.Repeat("x", 10<<20))
		began := time.Now()
		words := n.closed(n.Container(n.fixture, "/act/tcp"))
		t.Logf("%v: %.200s", time.Since(began), words)
		if words != "" && !strings.Contains(words, "net.yaml") {
			t.Errorf("the error does not name the file: %.300s", words)
		}
	})
	t.Run("10 MB of comment", func(t *testing.T) {
		n := newNode(t)
		n.file("comment.yaml", strings.Repeat("# nothing\n", 1<<20))
		n.policy("net", tcp)
		n.closed(n.Container(n.fixture, "/act/tcp"))
	})
	t.Run("10,000 policies", func(t *testing.T) {
		n := newNode(t)
		count := 10_000
		if n.Slow {
			count = 1_000
		}
		n.policy("net", tcp)
		for i := range count {
			n.file(fmt.Sprintf("other-%d.yaml", i), fmt.Sprintf(`apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata: {name: other-%d, namespace: %s}
spec:
  selector: {matchLabels: {app: other-%d}}
  network: {matchProtocols: [{protocol: udp}]}
`, i, n.Namespace, i))
		}
		c := n.Container(n.fixture, "/act/tcp")
		began := time.Now()
		if words := n.closed(c); words != "" {
			t.Fatal(words)
		}
		first := time.Since(began)
		began = time.Now()
		if words := n.closed(c); words != "" {
			t.Fatal(words)
		}
		t.Logf("%d policies: the first start took %v, the next %v", count, first, time.Since(began))
		c.Args = []string{"/act/udp"}
		if r := n.run(c); r.Exit != 0 {
			t.Errorf("a policy for others was applied: udp ended with %d", r.Exit)
		}
	})
	t.Run("5,000 paths", func(t *testing.T) {
		n := newNode(t)
		count := 5_000
		if n.Slow {
			count = 500 // the parser takes minutes for more, where it is emulated
		}
		var paths strings.Builder
		for i := range count {
			fmt.Fprintf(&paths, "    - path: /data/%d/file\n", i)
		}
		n.policy("files", "  file:\n    matchPaths:\n    - path: /etc/secret\n"+paths.String())
		words := n.closed(n.Container(n.fixture, "/act/file"))
		if len(words) > longestError {
			t.Errorf("the error has %d bytes: %.300s", len(words), words)
		}
		if words != "" && n.paths() {
			t.Errorf("refused: %.300s", words)
		}
	})
}

// TestHostilePaths: text that would be syntax somewhere is only ever a name.
func TestHostilePaths(t *testing.T) {
	leaveTo(t, "6.1")
	for name, quoted := range map[string]string{
		"quote":               `"/etc/se\"cret"`,
		"brace":               `"/etc/{secret"`,
		"braces":              `"/etc/{secret,other}"`,
		"newline":             `"/etc/se\ncret"`,
		"rule":                `"/etc/x\" rw,\n  /etc/** rw,\n  deny \"/etc/y"`,
		"profile":             `"/etc/x\" r,\n}\nprofile evil { /** rwix, }\n#"`,
		"NUL":                 `"/etc/se\0cret"`,
		"surrogate":           `"/etc/\ud800"`,
		"invalid UTF-8":       "\"/etc/\xff\xfe\"",
		"percent":             `"/etc/%s%n%x"`,
		"variable":            `"/etc/@{HOME}"`,
		"glob":                `"/etc/*"`,
		"comment":             `"/etc/#secret"`,
		"backslash":           `"/etc/\\secret\\"`,
		"tab and space":       `"/etc/a\t b"`,
		"dots":                `"/etc/../../../etc/other"`,
		"4,096 bytes":         `"/` + strings.Repeat("a/", 2047) + `a"`,
		"a long name":         `"/etc/` + strings.Repeat("a", 300) + `"`,
		"only slashes":        `"////"`,
		"relative":            `"etc/secret"`,
		"empty":               `""`,
		"a socket of systemd": `"@/org/freedesktop/systemd1"`,
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.policy("hostile", "  file:\n    matchPaths:\n    - path: "+quoted+"\n    - path: /etc/secret")
			c := n.Container(n.fixture, "/act/file")
			words := n.closed(c)
			t.Logf("%.300s", words)
			if len(words) > longestError {
				t.Errorf("the error has %d bytes", len(words))
			}
			if words != "" {
				return
			}
			// Nothing beyond the two names changed.
			c.Args = []string{"/act/process"}
			if r := n.run(c); r.Exit != 0 {
				t.Errorf("executing another file ended with %d", r.Exit)
			}
		})
	}
}

// TestHostileNames: so are names of policies, labels and messages.
func TestHostileNames(t *testing.T) {
	leaveTo(t, "6.1")
	for name, quoted := range map[string]string{
		"quote":   `"a\"b"`,
		"newline": `"a\nprearm: all is well"`,
		"slashes": `"../../../../etc/passwd"`,
		"escape":  `"a\u001b[2Jb"`,
		"long":    `"` + strings.Repeat("n", 5000) + `"`,
		"empty":   `""`,
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.file("net.yaml", fmt.Sprintf(`apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata:
  name: %s
  namespace: %s
spec:
  message: %s
  tags: [%s]
  network:
    matchProtocols:
    - protocol: tcp
`, quoted, n.Namespace, quoted, quoted))
			words := n.closed(n.Container(n.fixture, "/act/tcp"))
			t.Logf("%.300s", words)
			if strings.ContainsAny(words, "\x1b") || strings.Contains(words, "\nprearm:") {
				t.Errorf("the error passes control characters on: %q", words)
			}
		})
	}
}
