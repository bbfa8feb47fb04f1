package profiles

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prearm/prearm/profiles/base"
	"github.com/prearm/prearm/translate"
)

// parserRunner runs the real apparmor_parser, on whatever kernel, and counts.
type parserRunner struct {
	features string
	runs     int
}

func newRunner(t *testing.T) *parserRunner {
	r := &parserRunner{features: filepath.Join(t.TempDir(), "kernel")}
	if err := os.WriteFile(r.features, []byte(base.Features), 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *parserRunner) Run(cmd *exec.Cmd) error {
	r.runs++
	cmd.Args = append(cmd.Args, "--kernel-features="+r.features)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, &stderr)
	}
	return nil
}

// fakeKernel is a folder in place of securityfs.
func fakeKernel(t *testing.T, profiles string) *AppArmor {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{".replace": "", ".remove": "", "profiles": profiles} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &AppArmor{dir, cache(filepath.Join(t.TempDir(), "apparmor"))}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func profile(name string) translate.AppArmor {
	return translate.AppArmor{Name: name, Text: "profile " + name + " flags=(mediate_deleted) {\n" + base.Profile + base.Mounts + "}\n"}
}

func TestLoadCompilesOnce(t *testing.T) {
	a, run := fakeKernel(t, ""), newRunner(t)
	for range 3 {
		if err := os.Truncate(filepath.Join(a.kernel, ".replace"), 0); err != nil {
			t.Fatal(err)
		}
		if err := a.Load(t.Context(), run, profile("prearm-1")); err != nil {
			t.Fatal(err)
		}
		if got := read(t, filepath.Join(a.kernel, ".replace")); !strings.Contains(got, "prearm-1") {
			t.Errorf("the kernel got %q", got)
		}
	}
	if run.runs != 1 {
		t.Errorf("compiled %d times", run.runs)
	}
	if err := a.Load(t.Context(), run, profile("prearm-2")); err != nil {
		t.Fatal(err)
	}
	if run.runs != 2 {
		t.Errorf("two profiles were compiled in %d runs", run.runs)
	}
}

func TestLoadLeavesLoadedAlone(t *testing.T) {
	a, run := fakeKernel(t, "docker-default (enforce)\nprearm-1 (enforce)\nprearm-2 (complain)\n"), newRunner(t)
	if err := a.Load(t.Context(), run, profile("prearm-1")); err != nil {
		t.Fatal(err)
	}
	if run.runs != 0 || read(t, filepath.Join(a.kernel, ".replace")) != "" {
		t.Error("a profile in force was replaced")
	}
	if err := a.Load(t.Context(), run, profile("prearm-2")); err != nil {
		t.Fatal(err)
	}
	if run.runs != 1 {
		t.Error("a profile that only complains was taken for one in force")
	}
	names, err := a.List()
	if err != nil || !slices.Equal(names, []string{"prearm-1", "prearm-2"}) {
		t.Errorf("listed %q, %v", names, err)
	}
}

// Whatever a file of the cache has become, the kernel gets what the parser
// made, or nothing.
func TestDamagedCacheIsRebuilt(t *testing.T) {
	a, run := fakeKernel(t, ""), newRunner(t)
	if err := a.Load(t.Context(), run, profile("prearm-1")); err != nil {
		t.Fatal(err)
	}
	want := read(t, filepath.Join(a.kernel, ".replace"))
	parser, err := findParser()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(string(a.cache), parser.key(profile("prearm-1")))
	whole := read(t, file)
	for name, damaged := range map[string]string{
		"empty": "", "cut": whole[:len(whole)/2], "short": whole[:10], "longer": whole + "x", "flipped": whole[:100] + "\xff" + whole[101:],
	} {
		if err := os.WriteFile(file, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(a.kernel, ".replace"), 0); err != nil {
			t.Fatal(err)
		}
		runs := run.runs
		if err := a.Load(t.Context(), run, profile("prearm-1")); err != nil {
			t.Fatal(err)
		}
		if run.runs != runs+1 || read(t, filepath.Join(a.kernel, ".replace")) != want || read(t, file) != whole {
			t.Errorf("%s: not rebuilt", name)
		}
	}
}

func TestLoadFails(t *testing.T) {
	a, run := fakeKernel(t, ""), newRunner(t)
	err := a.Load(t.Context(), run, translate.AppArmor{Name: "prearm-1", Text: "profile prearm-1 {\n  nonsense\n}\n"})
	if err == nil || !strings.Contains(err.Error(), "syntax error") || !strings.Contains(err.Error(), "prearm-1") {
		t.Errorf("a broken profile: %v", err)
	}
	if read(t, filepath.Join(a.kernel, ".replace")) != "" {
		t.Error("the kernel got something of a broken profile")
	}
	a.cache = cache("/dev/null/apparmor")
	if err := a.Load(t.Context(), run, profile("prearm-2")); err == nil || !strings.Contains(err.Error(), "cache") {
		t.Errorf("no cache: %v", err)
	}
	t.Setenv("PATH", "/nowhere")
	if _, err := findParser(); err != nil {
		t.Errorf("the parser is not found beside PATH: %v", err)
	}
}

func TestRemove(t *testing.T) {
	a := fakeKernel(t, "")
	if err := a.Remove("prearm-1"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(a.kernel, ".remove")); got != "prearm-1" {
		t.Errorf("removed %q", got)
	}
	if err := os.Remove(filepath.Join(a.kernel, ".remove")); err != nil {
		t.Fatal(err)
	}
	if err := a.Remove("prearm-1"); err != nil {
		t.Errorf("what is not there: %v", err)
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := cache(filepath.Join(t.TempDir(), "apparmor"))
	for i := range maxCached + 20 {
		if err := c.put(fmt.Sprint(i), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(string(c))
	if err != nil || len(entries) != maxCached {
		t.Errorf("%d files, %v", len(entries), err)
	}
	if _, err := c.get(fmt.Sprint(maxCached + 19)); err != nil {
		t.Error(err)
	}
	if _, err := c.get("0"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
