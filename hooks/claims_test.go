package hooks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

func TestLastOneOutRemoves(t *testing.T) {
	claims := ClaimsIn(t.TempDir())
	var inPlace bool
	hold := func(user string) {
		t.Helper()
		if err := claims.Hold(Ruleset, "r1", user, func() error { inPlace = true; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	release := func(user string) {
		t.Helper()
		if err := claims.Release(Ruleset, "r1", Key(user), func() error { inPlace = false; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	hold("a")
	hold("b")
	hold("b") // twice by one user is one claim
	if users, err := claims.Bundles(Ruleset); err != nil || len(users) != 2 || !slices.Contains(users, "a") || !slices.Contains(users, "b") {
		t.Errorf("held by %v, %v", users, err)
	}
	release("a")
	if !inPlace {
		t.Error("the object went while b still held it")
	}
	release("b")
	if inPlace {
		t.Error("the object stayed after its last user")
	}
	release("b") // never held now: still no error
	if left, _ := filepath.Glob(filepath.Join(claims.dir, "*", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFailedHoldLeavesNothing(t *testing.T) {
	claims := ClaimsIn(t.TempDir())
	broken := errors.New("no")
	if err := claims.Hold(Profile, "p", "a", func() error { return broken }); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(claims.dir, "*", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestClaimsUnderContention has many users come and go; the object must be
// there whenever one of them holds it, and be gone at the end.
func TestClaimsUnderContention(t *testing.T) {
	claims := ClaimsIn(t.TempDir())
	var inPlace atomic.Bool
	var users sync.WaitGroup
	for i := range 20 {
		users.Go(func() {
			user := fmt.Sprintf("u%d", i)
			for range 25 {
				err := claims.Hold(Profile, "p", user, func() error { inPlace.Store(true); return nil })
				if err != nil {
					t.Error(err)
					return
				}
				if !inPlace.Load() {
					t.Error("held, but not in place")
				}
				err = claims.Release(Profile, "p", Key(user), func() error { inPlace.Store(false); return nil })
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	users.Wait()
	if inPlace.Load() {
		t.Error("in place after the last release")
	}
}

func TestClaimsRefuseNamesThatArePaths(t *testing.T) {
	state := t.TempDir()
	claims := ClaimsIn(state)
	for _, name := range []string{"", ".", "..", "../x", "a/b", "a\x00b", "a b", string(make([]byte, 300))} {
		never := func() error { t.Errorf("%q was accepted", name); return nil }
		if err := claims.Hold(Profile, name, "u", never); err == nil {
			t.Errorf("Hold(%q) succeeded", name)
		}
		if err := claims.Release(Profile, "p", name, never); err == nil {
			t.Errorf("Release by %q succeeded", name)
		}
	}
	if left, _ := os.ReadDir(state); len(left) > 0 {
		t.Errorf("something was made: %v", left)
	}
}
