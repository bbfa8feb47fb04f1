package build

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/store"
)

// node is a policy folder and the index of it.
type node struct {
	testing.TB
	dir, index string
}

func newNode(t testing.TB) *node {
	root := t.TempDir()
	n := &node{TB: t, dir: filepath.Join(root, "policies"), index: filepath.Join(root, "cache", "index")}
	n.must(os.Mkdir(n.dir, 0o755))
	return n
}

func (n *node) must(err error) {
	n.Helper()
	if err != nil {
		n.Fatal(err)
	}
}

// write writes a file in place.
func (n *node) write(name, text string) {
	n.Helper()
	n.must(os.WriteFile(filepath.Join(n.dir, name), []byte(text), 0o644))
}

func (n *node) build() *Summary {
	n.Helper()
	s, err := Build(n.dir, n.index, Options{})
	n.must(err)
	return s
}

// start does what a start does: it opens the index, has it made if it is
// stale, and selects.
func (n *node) start(s policy.Subject) (store.Selection, error) {
	n.Helper()
	for range 5 {
		sel, err := n.attempt(s)
		if !errors.Is(err, store.ErrStale) {
			return sel, err
		}
		n.build()
	}
	n.Fatal("the index is never fresh")
	return store.Selection{}, nil
}

// attempt does not make the index.
func (n *node) attempt(s policy.Subject) (store.Selection, error) {
	n.Helper()
	st, err := store.Open(n.dir, n.index)
	if err != nil {
		return store.Selection{}, err
	}
	defer st.Close()
	return st.Select(s)
}

// stale demands that nothing is answered from the index as it is.
func (n *node) stale(what string) {
	n.Helper()
	if sel, err := n.attempt(web); !errors.Is(err, store.ErrStale) {
		n.Errorf("%s: %v, %v", what, summary(sel), err)
	}
}

// expect compares what applies to web, as "policy: objects" in order.
func (n *node) expect(what, want string) {
	n.Helper()
	sel, err := n.start(web)
	if err != nil {
		n.Errorf("%s: %v", what, err)
		return
	}
	if got := summary(sel); got != want {
		n.Errorf("%s: %s, not %s", what, got, want)
	}
}

// refuse demands that web does not start, and that the reason has the words.
func (n *node) refuse(what string, words ...string) {
	n.Helper()
	sel, err := n.start(web)
	var bad *store.BadPolicyError
	if !errors.As(err, &bad) {
		n.Errorf("%s: %s, %v", what, summary(sel), err)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			n.Errorf("%s: the reason does not say %q: %v", what, w, err)
		}
	}
}

func summary(s store.Selection) string {
	var all []string
	for _, p := range s.Policies {
		all = append(all, p.Name)
	}
	text := strings.Join(all, " ") + ":"
	for _, r := range s.Rules {
		text += " " + r.Object.Name
	}
	return text
}

var (
	web   = policy.Subject{Namespace: "ns", Labels: map[string]string{"app": "web"}, Container: "main"}
	other = policy.Subject{Namespace: "other", Labels: map[string]string{"app": "web"}}
)

const head = "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\n"

// blocks is a policy of namespace ns that blocks the path.
func blocks(name, path string) string { return blocksIn("ns", name, path) }

func blocksIn(namespace, name, path string) string {
	return head + fmt.Sprintf("metadata: {name: %s, namespace: %s}\nspec:\n  process:\n    matchPaths:\n    - path: %s\n", name, namespace, path)
}

// misses is a policy with a mistake.
func misses(name string) string {
	return strings.Replace(blocks(name, "/bin/x"), "path:", "pth:", 1)
}
