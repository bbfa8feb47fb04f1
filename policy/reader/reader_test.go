package reader

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prearm/prearm/policy"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with the file at path.
func golden(t *testing.T, path, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s differs:\n%s", path, text)
	}
}

func readFile(t *testing.T, path string) *File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return Read(filepath.Base(path), f)
}

func read(text string) *File { return Read("f.yaml", strings.NewReader(text)) }

// TestBad: each mistake is found where it stands, and each bad document
// concerns those whom it may be about.
func TestBad(t *testing.T) {
	paths, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			var b strings.Builder
			f := readFile(t, path)
			for _, bad := range f.Bad {
				scope := "starts in " + bad.Namespace
				if bad.Everywhere {
					scope = "every start"
				}
				fmt.Fprintf(&b, "refuses %s: %s %s\n", scope, bad.Kind, bad.Name)
				for _, e := range bad.Errors {
					fmt.Fprintf(&b, "  %s\n", e.Error())
				}
			}
			if len(f.Bad) == 0 {
				t.Fatal("no mistake was found")
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".golden", b.String())
		})
	}
}

// TestGood: what is read, with every inherited value resolved.
func TestGood(t *testing.T) {
	paths, err := filepath.Glob("testdata/good/*.*")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		if filepath.Ext(path) == ".golden" {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			f := readFile(t, path)
			if err := f.Errors(); len(err) > 0 {
				t.Fatal(err)
			}
			text, err := json.MarshalIndent(struct {
				Policies   []policy.Policy
				Namespaces []policy.Namespace
			}{f.Policies, f.Namespaces}, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, path+".golden", string(text)+"\n")
		})
	}
}

// TestExamples: the examples of the specification are good, one rule at least
// in each, and each is named as its file.
func TestExamples(t *testing.T) {
	paths, err := filepath.Glob("../testdata/examples/*.yaml")
	if err != nil || len(paths) < 11 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		f := readFile(t, path)
		if err := f.Errors(); len(err) > 0 {
			t.Error(err)
			continue
		}
		if len(f.Policies) != 1 || f.Policies[0].Name+".yaml" != filepath.Base(path) {
			t.Errorf("%s holds %+v", path, f.Policies)
		}
	}
}

const manifest = `apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata: {name: p, namespace: ns}
spec:
`

// TestBytes: what is not text, or too much of it.
func TestBytes(t *testing.T) {
	rule := manifest + "  process: {matchPaths: [{path: /bin/sleep}]}\n"
	for name, test := range map[string]struct{ text, want string }{
		"nothing":          {"", "f.yaml:1:1: holds no policy"},
		"NUL":              {rule + "# \x00", "f.yaml:6:3: has the control character U+0000"},
		"escape":           {rule + "# é \x1b[2J", "f.yaml:6:5: has the control character U+001B"},
		"UTF-8":            {rule + "\n  # \xff", "f.yaml:7:5: is not valid UTF-8 (byte 0xff)"},
		"surrogate":        {rule + "# \xed\xa0\x80", "f.yaml:6:3: is not valid UTF-8 (byte 0xed)"},
		"UTF-16":           {"\xff\xfea\x00", "f.yaml:1:1: is not valid UTF-8 (byte 0xff)"},
		"ten megabytes":    {rule + strings.Repeat("# nothing\n", 1<<20), "f.yaml: is larger than 4194304 bytes"},
		"a huge value":     {manifest + "  message: " + strings.Repeat("x", 10<<20), "f.yaml: is larger than 4194304 bytes"},
		"a long message":   {manifest + "  message: " + strings.Repeat("x", 5000) + "\n  process: {matchPaths: [{path: /a}]}", "f.yaml:5:12: spec.message: has 5000 bytes, the limit is 4096"},
		"a long path":      {manifest + "  process: {matchPaths: [{path: /" + strings.Repeat("x", 4096) + "}]}", "has 4097 bytes, the kernel takes at most 4095"},
		"a deep nest":      {strings.Repeat("[", 1<<20), "is not YAML"},
		"many documents":   {manyNamespaces(20_000), "the file has more than 10000 documents"},
		"a carriage":       {strings.ReplaceAll(rule, "\n", "\r\n") + "spec: x", "f.yaml:6:1: spec: is given twice, first in line 4"},
		"an unknown alias": {manifest + "  process: *x\n", "is not YAML"},
	} {
		t.Run(name, func(t *testing.T) {
			got := read(test.text).Errors()
			if len(got) == 0 || len(got) > maxErrors+1 || !strings.Contains(got.Error(), test.want) {
				t.Errorf("%.500s", got.Error())
			}
		})
	}
}

func manyNamespaces(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "--- {kind: Namespace, apiVersion: v1, metadata: {name: x%d}}\n", i)
	}
	return b.String()
}

// TestLongestPath: a path that the kernel still takes is one.
func TestLongestPath(t *testing.T) {
	path := "/" + strings.Repeat("x", maxPath-1)
	f := read(manifest + "  process: {matchPaths: [{path: " + path + "}]}")
	if err := f.Errors(); len(err) > 0 {
		t.Fatal(err)
	}
	if got := f.Policies[0].Rules[0].Object.Name; got != path {
		t.Errorf("%d bytes", len(got))
	}
}

// TestManyRules: up to the limit they are all there, in order; beyond it the
// policy is refused.
func TestManyRules(t *testing.T) {
	build := func(n int) *File {
		var b bytes.Buffer
		b.WriteString(manifest + "  process:\n    matchPaths:\n")
		for i := range n {
			fmt.Fprintf(&b, "    - path: /bin/%d\n", i)
		}
		return read(b.String())
	}
	f := build(maxRules)
	if err := f.Errors(); len(err) > 0 {
		t.Fatal(err)
	}
	for i, r := range f.Policies[0].Rules {
		if want := fmt.Sprintf("/bin/%d", i); r.Object.Name != want || r.Address != fmt.Sprintf("ns/p: process.matchPaths[%d]", i) {
			t.Fatalf("rule %d: %+v", i, r)
		}
	}
	f = build(maxRules + 1)
	if err := f.Errors(); len(err) != 1 || !strings.Contains(err[0].Reason, "has 10001 rules, the limit is 10000") {
		t.Error(err)
	}
}

// TestAliases: what a small file can blow up to is bounded.
func TestAliases(t *testing.T) {
	for name, text := range map[string]string{
		"lists in lists": "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n" +
			strings.Repeat("d: [*c,*c,*c,*c,*c,*c,*c,*c]\n", 100),
		"tags": manifest + "  tags: &t [" + strings.Repeat("x,", 60) + "]\n  process:\n    matchPaths:\n      - &p {path: /bin/sleep, tags: *t}\n" +
			strings.Repeat("      - *p\n", 60_000),
		"messages": manifest + "  message: " + strings.Repeat("x", 4000) + "\n  process:\n    matchPaths:\n      - &p {path: /bin/sleep}\n" +
			strings.Repeat("      - *p\n", 9_000),
		"sources": manifest + "  process:\n    matchPaths:\n      - &p\n        path: /bin/sleep\n        fromSource:\n" +
			strings.Repeat("        - {path: /bin/"+strings.Repeat("x", 200)+"}\n", 2000) + strings.Repeat("      - *p\n", 9_000),
	} {
		t.Run(name, func(t *testing.T) {
			f := read(text)
			if len(f.Bad) == 0 || len(f.Policies) > 0 {
				t.Errorf("%d policies, %d bad", len(f.Policies), len(f.Bad))
			}
			if n := len(f.Errors()); n > maxErrors {
				t.Errorf("%d mistakes", n)
			}
		})
	}
}

// TestJSON: what is strict JSON in a .json file, and the place of a mistake.
func TestJSON(t *testing.T) {
	object := `{"apiVersion": "security.kubearmor.com/v1", "kind": "KubeArmorPolicy", "metadata": {"name": "%s"},
"spec": {"process": {"matchPaths": [{"path": "/bin/\ud83d\ude00", "ownerOnly": true, "severity": 5}]}}}`
	one, two := strings.Replace(object, "%s", "one", 1), strings.Replace(object, "%s", "two", 1)
	f := Read("f.json", strings.NewReader(one+"\n"+two))
	if err := f.Errors(); len(err) > 0 || len(f.Policies) != 2 {
		t.Fatalf("%d policies, %v", len(f.Policies), err)
	}
	r := f.Policies[1].Rules[0]
	if r.Object.Name != "/bin/\U0001F600" || !r.OwnerOnly || r.Severity != 5 || r.Position != (policy.Position{File: "f.json", Line: 4, Column: 37}) {
		t.Errorf("%+v", r)
	}
	for text, want := range map[string]string{
		"":                                  "f.json:1:1: holds no policy",
		"kind: KubeArmorPolicy":             "f.json:1:1: is not JSON: invalid character 'k' looking for beginning of value",
		one + ",":                           "f.json:2:", // after a good one
		strings.TrimSuffix(one, "}"):        "is not JSON: it ends too early",
		`{"kind": "x", "kind": "y",` + "\n": "f.json:1:27: is not JSON: it ends too early",
		`{"kind": 1.5, "kind": null}`:       `f.json:1:15: kind: is given twice, first in line 1`,
		`{"kind": 1.5}`:                     "f.json:1:10: kind: is the number 1.5, not a string",
		`[{"kind": "x"}]`:                   "f.json:1:1: is a list, not a mapping",
		strings.Repeat("[", 1<<20):          "is not JSON: it is nested more than 100 deep",
	} {
		if got := Read("f.json", strings.NewReader(text)).Errors().Error(); !strings.Contains(got, want) {
			t.Errorf("%.80s: %.300s, not %s", text, got, want)
		}
	}
}

// TestErrorsAreBounded: a hostile file does not fill a disk with messages.
func TestErrorsAreBounded(t *testing.T) {
	f := read(manifest + "  x" + strings.Repeat("\n  y: z", 200_000))
	if n := len(f.Errors().Error()); n > 100_000 {
		t.Errorf("%d bytes of messages", n)
	}
}
