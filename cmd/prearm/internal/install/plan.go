package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
)

// Plan is what Install or Uninstall would do. Nothing is changed before
// Apply.
type Plan struct {
	// Notes say what was found and left alone.
	Notes []string

	tree   tree
	steps  []step
	next   *record                     // nil: there shall be none
	before []*file                     // contents that next speaks of
	verify func(context.Context) error // once the steps are done
	finish func() error                // the rest, once verified
	served bool                        // containerd has to be restarted
	unit   bool                        // systemd has to read its units again
}

// step is what becomes of one path.
type step struct {
	path string
	now  *file // as planned with; nil: nothing there
	to   *file // nil: nothing shall be there
}

// Change is a step in words.
type Change struct {
	Path string
	What string // created, changed, removed
}

// Changes lists the files that differ from what they shall be.
func (p *Plan) Changes() []Change {
	var changes []Change
	for _, s := range p.steps {
		c := Change{s.path, "changed"}
		switch {
		case s.now == nil:
			c.What = "created"
		case s.to == nil:
			c.What = "removed"
		}
		changes = append(changes, c)
	}
	return changes
}

// Restart says whether containerd reads something anew when it is restarted,
// and Reload the same of systemd.
func (p *Plan) Restart() bool { return p.served }

// Reload: see Restart.
func (p *Plan) Reload() bool { return p.unit }

// Diff writes the changes as a unified diff. What is no text has a line
// instead.
func (p *Plan) Diff(w io.Writer) error {
	for _, s := range p.steps {
		if _, err := w.Write(s.diff()); err != nil {
			return err
		}
	}
	return nil
}

// follow says whether a link in the path's last place is followed: unless the
// link itself is what it is about.
func (s step) follow() bool {
	for _, f := range []*file{s.now, s.to} {
		if f != nil && f.mode&fs.ModeSymlink != 0 {
			return false
		}
	}
	return true
}

func (s step) diff() []byte {
	var old, now []byte
	from, to := "/dev/null", "/dev/null"
	for _, side := range []struct {
		f    *file
		data *[]byte
		name *string
	}{{s.now, &old, &from}, {s.to, &now, &to}} {
		if side.f == nil {
			continue
		}
		*side.name = s.path
		*side.data = side.f.data
		if !side.f.mode.IsRegular() || !utf8.Valid(side.f.data) || bytes.IndexByte(side.f.data, 0) >= 0 {
			what := map[bool]string{true: "created", false: "removed"}[s.now == nil]
			if s.now != nil && s.to != nil {
				what = "replaced"
			}
			return fmt.Appendf(nil, "%s %s (%s)\n", what, s.path, describe(side.f))
		}
	}
	return diff.Diff(from, old, to, now)
}

func describe(f *file) string {
	switch {
	case f.mode.IsDir():
		return "folder"
	case !f.mode.IsRegular():
		return "link to " + string(f.data)
	}
	return fmt.Sprintf("%d bytes", len(f.data))
}

// Apply makes the changes. If one of them fails, or containerd does not take
// what became of its configuration, those that were made are taken back.
func (p *Plan) Apply(ctx context.Context) error {
	for _, s := range p.steps {
		now, err := p.tree.read(s.path, s.follow())
		if err != nil {
			return err
		}
		if !now.same(s.now) {
			return fmt.Errorf("%s was changed by somebody else at this moment; try again", s.path)
		}
	}
	last, err := p.tree.read(recordPath, true)
	if err != nil {
		return err
	}
	// The record comes first: whatever ends this process, it can be undone.
	if p.next != nil {
		if err := p.tree.writeRecord(p.next, p.before); err != nil {
			return fmt.Errorf("keep the record of what is changed: %w", err)
		}
	}
	done, err := p.walk()
	if err == nil && p.verify != nil {
		err = p.verify(ctx)
	}
	if err != nil {
		return errors.Join(err, p.takeBack(p.steps[:done], last))
	}
	if p.finish != nil {
		return p.finish()
	}
	return nil
}

// walk does the steps and tells how many it has begun.
func (p *Plan) walk() (int, error) {
	for i, s := range p.steps {
		if err := p.tree.set(s.path, s.to); err != nil {
			return i + 1, err
		}
	}
	return len(p.steps), nil
}

func (p *Plan) takeBack(steps []step, last *file) error {
	var errs []error
	for _, s := range slices.Backward(steps) {
		errs = append(errs, p.tree.set(s.path, s.now))
	}
	errs = append(errs, p.tree.set(recordPath, last), p.tree.tidy())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("and taking the changes back failed: %w", err)
	}
	return errors.New("everything was put back as it was")
}

// set makes path hold f, nil for nothing.
func (t tree) set(path string, f *file) error {
	if f == nil {
		return t.remove(path)
	}
	return t.write(path, f)
}
