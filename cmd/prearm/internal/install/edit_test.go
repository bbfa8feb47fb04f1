package install

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// lines are what configurations are made of; each is valid after any other,
// but for tables that are there twice.
func lines() []string {
	return []string{
		"# a comment, with [brackets] and \"quotes\"", "", "\t# indented",
		"[plugins]", "  [plugins.'io.containerd.grpc.v1.cri']", "[plugins.\"io.containerd.grpc.v1.cri\".containerd] # here",
		"[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]", "[grpc]", "[plugins.\"io.containerd.grpc.v1.cri\".cni]",
		"root = \"/x\"", "snapshotter = 'overlayfs' # [plugins]", "default_runtime_name=\"runc\"", "x = [ \"a\", # b",
	}
}

// TestEntryGoesIntoAnyConfiguration adds the entry to whatever parses: the
// file says what it said and the entry, and taking it out gives the same
// bytes, also after somebody has added a line elsewhere.
func TestEntryGoesIntoAnyConfiguration(t *testing.T) {
	added := 0
	rapid.Check(t, func(t *rapid.T) {
		text := "version = 2\n" + strings.Join(rapid.SliceOfDistinct(rapid.SampledFrom(lines()), rapid.ID).Draw(t, "lines"), "\n")
		text += rapid.SampledFrom([]string{"", "\n", "\n\n", " "}).Draw(t, "end")
		d, err := parse("config.toml", text)
		if err != nil {
			t.Skip("not TOML")
		}
		c := &configuration{main: "config.toml", files: []*document{d}, version: 2}
		r := request{byDefault: rapid.Bool().Draw(t, "default")}
		rewrites, err := c.entry(r, nil)
		if err != nil {
			return // it says which lines to add by hand
		}
		added++
		edits := rewrites[0].edits
		after, err := parse("config.toml", apply(text, edits))
		if err != nil {
			t.Fatalf("%v\n%s", err, apply(text, edits))
		}
		old, now := flatten(d.table), flatten(after.table)
		for _, path := range slices.Sorted(maps.Keys(old)) {
			if now[path] != old[path] && !strings.HasSuffix(path, "default_runtime_name") {
				t.Errorf("%q was %s and is %s", path, old[path], now[path])
			}
		}
		if look(after.table, "plugins", pluginV2, "containerd", "runtimes", handler, "runtime_type") != runtimeType {
			t.Error("the entry is not there")
		}
		if look(after.table, "plugins", pluginV2, "containerd", "runtimes", "runc", "runtime_type") == nil &&
			tableOf(d.table, "plugins", pluginV2, "containerd", "runtimes") == nil {
			t.Error("runc is not there, which containerd 1.x would then not have")
		}
		if is := look(after.table, "plugins", pluginV2, "containerd", "default_runtime_name"); r.byDefault && is != handler {
			t.Errorf("the default runtime is %v", is)
		}
		for _, line := range []string{"", "# somebody's\n"} {
			back, err := revert(line+apply(text, edits), edits)
			if err != nil {
				t.Fatal(err)
			}
			if back != line+text {
				t.Errorf("taken out, it is %q, not %q", back, line+text)
			}
		}
	})
	if added == 0 {
		t.Error("the entry was added to none")
	}
}

func TestRevertRefusesToGuess(t *testing.T) {
	edits := []edit{{New: "ours\n"}}
	if text, err := revert("ours\nours\n", edits); err == nil {
		t.Errorf("took one of two away: %q", text)
	}
	if text, err := revert("theirs\n", edits); err != nil || text != "theirs\n" {
		t.Errorf("changed a file that has nothing of ours: %q, %v", text, err)
	}
}
