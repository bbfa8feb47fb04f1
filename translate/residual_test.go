package translate

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// source is what Go files have, comments left out.
type source struct {
	functions []string
	literals  []string // strings
}

// parseAll reads the files of a folder whose names fit, whatever they are
// built for.
func parseAll(t *testing.T, folder string, fits func(name string) bool) (s source) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || !fits(e.Name()) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil {
					s.functions = append(s.functions, n.Name.Name)
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil {
					s.literals = append(s.literals, text)
				}
			}
			return true
		})
	}
	return s
}

func isTest(name string) bool { return strings.HasSuffix(name, "_test.go") }

// TestResidualsAreShown: the test that a residual names is there, function and
// subtests.
func TestResidualsAreShown(t *testing.T) {
	packages := make(map[string]source)
	shape := regexp.MustCompile(`^([a-z]+)\.(Test[A-Za-z0-9]+)((?:/[a-z0-9-]+)*)$`)
	for _, r := range Residuals {
		parts := shape.FindStringSubmatch(r.Test)
		if parts == nil {
			t.Errorf("%s: %q names no test", r.ID, r.Test)
			continue
		}
		folder, function := parts[1], parts[2]
		if _, ok := packages[folder]; !ok {
			packages[folder] = parseAll(t, filepath.Join("..", folder), isTest)
		}
		if !slices.Contains(packages[folder].functions, function) {
			t.Errorf("%s: there is no %s.%s", r.ID, folder, function)
		}
		for _, subtest := range strings.Split(parts[3], "/")[1:] {
			if !slices.Contains(packages[folder].literals, subtest) {
				t.Errorf("%s: %s.%s has no %q", r.ID, folder, function, subtest)
			}
		}
	}
}

// TestResidualsAreClosed: what the compilers can name is on the list, and what
// is on the list they can name.
func TestResidualsAreClosed(t *testing.T) {
	isResidual := regexp.MustCompile(`^(apparmor|network|seccomp|hook)-[a-z0-9-]+$`).MatchString
	used := parseAll(t, ".", func(name string) bool { return !isTest(name) && name != "residual.go" }).literals
	var listed []string
	for _, r := range Residuals {
		if slices.Contains(listed, r.ID) {
			t.Errorf("%s is listed twice", r.ID)
		}
		listed = append(listed, r.ID)
		if !isResidual(r.ID) || r.Sentence == "" || strings.HasSuffix(r.Sentence, ".") || strings.Contains(r.Sentence, "|") {
			t.Errorf("%q: %q", r.ID, r.Sentence)
		}
		if !slices.Contains(used, r.ID) {
			t.Errorf("no compiler names %s", r.ID)
		}
	}
	for _, id := range used {
		if isResidual(id) && !slices.Contains(listed, id) {
			t.Errorf("%s is not listed", id)
		}
	}
}

// TestOnResidual: a rule with residuals is refused where the node says so, and
// one without never is.
func TestOnResidual(t *testing.T) {
	p := &Plan{Coverage: []Coverage{
		{Address: "ns/exact: capabilities", Mechanisms: []Mechanism{ByCapabilities}},
		{Address: "ns/nearly: process", Mechanisms: []Mechanism{ByAppArmor}, Residuals: []string{"apparmor-interpreter"}},
	}}
	if got := p.Refusals(Warn, Refuse); len(got) > 0 {
		t.Errorf("warn refuses %v", got)
	}
	got := p.Refusals(Refuse, Refuse)
	if len(got) != 1 || got[0].Address != "ns/nearly: process" || !strings.Contains(got[0].Reason, "apparmor-interpreter") {
		t.Errorf("refuse refuses %v", got)
	}
}
