package install

import (
	"fmt"
	"slices"
	"strings"
)

// edit replaces text of a file. An insertion has nothing old.
type edit struct {
	Old string `json:"old,omitempty"`
	New string `json:"new"`
	at  int    // where, in the file before
}

// apply makes the edits, which do not overlap.
func apply(text string, edits []edit) string {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b edit) int { return b.at - a.at })
	for _, e := range edits {
		text = text[:e.at] + e.New + text[e.at+len(e.Old):]
	}
	return text
}

// revert takes the edits out of a text that may have been changed since
// elsewhere. One that is not there any more was taken out by somebody; one
// that is there twice cannot be told apart.
func revert(text string, edits []edit) (string, error) {
	for _, e := range edits {
		if n := strings.Count(text, e.New); n > 1 {
			return "", fmt.Errorf("these lines of prearm's are there %d times, and one of them is somebody's:\n%s", n, indent(e.New))
		}
		text = strings.Replace(text, e.New, e.Old, 1)
	}
	return text, nil
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.Trim(text, "\n"), "\n", "\n    ")
}
