package install

import (
	"reflect"
	"strings"
	"testing"

	"github.com/prearm/prearm/shim/config"
)

// TestSettingsAreTheDefaults reads the file that Install writes: as it is,
// and with every key in force.
func TestSettingsAreTheDefaults(t *testing.T) {
	var all strings.Builder
	for line := range strings.Lines(settings) {
		if !strings.HasPrefix(line, "# ") {
			line = strings.TrimPrefix(line, "#")
		}
		all.WriteString(line)
	}
	keys := 0
	for _, text := range []string{settings, all.String()} {
		c, err := config.Parse([]byte(text), "config.toml")
		if err != nil {
			t.Fatal(err)
		}
		if want := config.Default(); !reflect.DeepEqual(c, want) {
			t.Errorf("%+v, want the defaults %+v", c, want)
		}
		keys = strings.Count(text, "\n") - strings.Count(text, "\n#") - strings.Count(text, "\n\n")
	}
	if keys < 10 {
		t.Errorf("only %d keys are in it", keys)
	}
}
