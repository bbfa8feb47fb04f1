package attacks

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed programs/*/*.c
var programs embed.FS

// Result is what comes of an attack under a policy.
type Result string

// Results.
const (
	Stopped  Result = "stopped"
	Works    Result = "works"     // what is no attack is not denied
	ByNature Result = "by nature" // it succeeds: no rule of the policy is about it
)

// Attack is one way around a policy, or what looks like one.
type Attack struct {
	Name  string // group and program, such as paths/symlink
	Claim string
	Tries []Try
	Needs string // of the kernel, which may lack it; "" for nothing
	Long  bool   // for the long tier alone
}

// Try is an attack under one of its policies.
type Try struct {
	Policy string
	Result Result // what the rules mean
	// Residuals are the differences that turn the result around, by enforcer.
	Residuals map[string]Residual
}

// Residual is a declared difference. On kernels before Since, something else
// stops what it lets through.
type Residual struct{ ID, Since string }

// Group is the attack's folder.
func (a Attack) Group() string { return path.Dir(a.Name) }

// Succeeds says whether the attacker, or the honest program, gets what it is
// after by this enforcer on a kernel, of which the release is given.
func (t Try) Succeeds(enforcer, kernel string) bool {
	r, differs := t.Residuals[enforcer]
	return (t.Result != Stopped) != (differs && !before(kernel, r.Since))
}

// before says whether a kernel is older than another, by the first two numbers
// of their releases. None is older than "".
func before(kernel, other string) bool {
	version := func(release string) (v [2]int) {
		_, _ = fmt.Sscanf(release, "%d.%d", &v[0], &v[1]) // what is missing is 0
		return v
	}
	x, y := version(kernel), version(other)
	return slices.Compare(x[:], y[:]) < 0
}

// Attacks reads the corpus, in the order of its names.
func Attacks() ([]Attack, error) {
	files, err := fs.Glob(programs, "programs/*/*.c")
	if err != nil {
		return nil, fmt.Errorf("read the attacks: %w", err)
	}
	var all []Attack
	for _, file := range files {
		text, err := programs.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the attacks: %w", err)
		}
		a, err := parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		a.Name = strings.TrimSuffix(strings.TrimPrefix(file, "programs/"), ".c")
		all = append(all, a)
	}
	return all, nil
}

// parse reads an attack's first comment.
func parse(text string) (Attack, error) {
	var a Attack
	comment, _, ok := strings.Cut(text, "\n */\n")
	if !ok || !strings.HasPrefix(comment, "/*\n") {
		return a, errors.New("it does not begin with a comment")
	}
	var claim []string
	fields := false
	for line := range strings.Lines(strings.TrimPrefix(comment, "/*\n")) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "*"))
		switch {
		case line == "":
			fields = true
		case !fields:
			claim = append(claim, line)
		default:
			if err := a.set(line); err != nil {
				return a, fmt.Errorf("%q: %w", line, err)
			}
		}
	}
	a.Claim = strings.Join(claim, " ")
	if a.Claim == "" || len(a.Tries) == 0 {
		return a, errors.New("it needs a claim, and a policy to be tried under")
	}
	return a, nil
}

// set takes one field of the comment.
func (a *Attack) set(line string) error {
	key, value, ok := strings.Cut(line, ": ")
	policy, under := strings.CutPrefix(key, "under ")
	switch {
	case !ok:
		return errors.New("a field is a key, a colon and a value")
	case key == "needs":
		a.Needs = value
	case line == "tier: long":
		a.Long = true
	case under:
		parts := strings.Split(value, "; ")
		t := Try{Policy: policy, Result: Result(parts[0]), Residuals: make(map[string]Residual)}
		if !slices.Contains([]Result{Stopped, Works, ByNature}, t.Result) {
			return fmt.Errorf("no result %q", t.Result)
		}
		for _, part := range parts[1:] {
			enforcer, id, ok := strings.Cut(part, ": ")
			if !ok {
				return errors.New("a residual is an enforcer, a colon and an id")
			}
			id, since, _ := strings.Cut(id, " since ")
			t.Residuals[enforcer] = Residual{ID: id, Since: since}
		}
		a.Tries = append(a.Tries, t)
	default:
		return fmt.Errorf("no field %q", key)
	}
	return nil
}
