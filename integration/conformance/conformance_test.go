package conformance

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/reader"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/rootfs"
)

// fullHost has everything that rules are enforced by.
var fullHost = translate.Host{Kernel: "6.12", AppArmor: true, AppArmorParser: "/usr/sbin/apparmor_parser", CgroupBPF: true, Seccomp: true}

// target is the full host with an image for the cases.
func target(t *testing.T, cases []*Case, enforcer string) Target {
	t.Helper()
	dir := t.TempDir()
	if err := WriteImage(dir, "", "", cases); err != nil {
		t.Fatal(err)
	}
	root, err := rootfs.New(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return Target{fullHost, enforcer, root}
}

// TestRows: rows have names of their own, and there are enough of them.
func TestRows(t *testing.T) {
	seen := make(map[string]bool)
	rows := Rows(Cases())
	for _, r := range rows {
		if seen[r.ID()] {
			t.Errorf("two rows are %s", r.ID())
		}
		seen[r.ID()] = true
		if len(r.Marker()) > 15 {
			t.Errorf("%s: the kernel cuts its marker %s", r.ID(), r.Marker())
		}
	}
	if len(rows) < 400 {
		t.Errorf("only %d rows", len(rows))
	}
}

// TestPacks: the policies of each pack say what its rules do, and all rows are
// in one.
func TestPacks(t *testing.T) {
	cases := Cases()
	packs, err := MakePacks(cases, target(t, cases, translate.EnforcerAppArmor))
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for i, p := range packs {
		count += len(p.Items())
		documents, err := p.Documents("n", fmt.Sprintf("p%d", i))
		if err != nil {
			t.Fatal(err)
		}
		var read []policy.Rule
		for _, d := range documents {
			f := reader.Read(d.Name, strings.NewReader(d.Text))
			if errs := f.Errors(); len(errs) > 0 {
				t.Fatalf("pack %d: %v\n%s", i, errs, d.Text)
			}
			for _, q := range f.Policies {
				read = append(read, q.Rules...)
			}
		}
		want := slices.Clone(p.Rules)
		for _, rules := range [][]policy.Rule{read, want} {
			for j := range rules {
				rules[j].Address, rules[j].Position = "", policy.Position{}
			}
			slices.SortFunc(rules, func(x, y policy.Rule) int { return cmp.Compare(text(t, x), text(t, y)) })
		}
		if x, y := text(t, read), text(t, want); x != y {
			t.Errorf("pack %d: the policies mean\n%s\nwant\n%s", i, x, y)
		}
	}
	if rows := Rows(cases); count != len(rows) {
		t.Errorf("%d of %d rows are packed", count, len(rows))
	}
	for i, p := range packs {
		t.Logf("pack %d: posture %s, %d cases, %d rows, %d rules, %d refused", i, p.Posture, len(p.Cases), len(p.Items()), len(p.Rules), len(p.Refused))
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
