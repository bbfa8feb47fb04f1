package store

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prearm/prearm/policy"
)

var (
	// ErrStale is matched by the error of every operation that needs a new
	// index first: there is none, it is damaged, or the files have changed.
	ErrStale = errors.New("the policy index is not up to date")

	// ErrUnreadable is matched by the error about a policy folder that is
	// missing or cannot be read.
	ErrUnreadable = errors.New("the policy folder cannot be read")
)

func stale(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrStale, fmt.Errorf(format, args...))
}

// Unreadable is the error about a policy folder, matching ErrUnreadable.
func Unreadable(dir string, err error) error {
	return fmt.Errorf("%w: %w (create %s, empty if no policy shall apply)", ErrUnreadable, err, dir)
}

// BadPolicyError refuses a start because of policy files that were never
// good.
type BadPolicyError struct {
	Namespace string // of the container
	Bad       []policy.Bad
}

// Error names every mistake that stands in the way and what to do.
func (e *BadPolicyError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "policies of namespace %q cannot be told because of bad policy files: ", e.Namespace)
	for i := range e.Bad {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(strings.ReplaceAll(e.Bad[i].Errors.Error(), "\n", "; "))
	}
	b.WriteString(" (mend the file, or move it out of the folder; \"prearm check FILE\" tells when it is good)")
	return b.String()
}

// Unwrap makes every mistake reachable by errors.As.
func (e *BadPolicyError) Unwrap() []error {
	var all []error
	for i := range e.Bad {
		all = append(all, e.Bad[i].Errors.Unwrap()...)
	}
	return all
}

// ImageLabelsError refuses a start because other policies would apply if the
// image had not brought labels. Both ways would be wrong: one lets the image
// choose its policies, the other lets it take away those that the user chose.
type ImageLabelsError struct {
	Labels map[string]string
}

// Error names the labels and what to do.
func (e *ImageLabelsError) Error() string {
	var names []string
	for _, k := range slices.Sorted(maps.Keys(e.Labels)) {
		names = append(names, fmt.Sprintf("%q", k+"="+e.Labels[k]))
	}
	return "which policies apply hangs on labels that the image brings (" + strings.Join(names, ", ") +
		"), and an image must not choose its policies: label the container with another key or value, and select by that"
}
