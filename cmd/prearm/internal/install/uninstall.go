package install

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// Uninstall plans to restore what Install changed. Where somebody has changed
// a file since, only prearm's part goes; where that cannot be told apart, or
// containerd would still know the runtime, the error says which lines to take
// out, and there is no plan.
func Uninstall(_ context.Context, o Options) (*Plan, error) {
	t := tree{o.Root}
	was, err := t.readRecord()
	if err != nil {
		return nil, err
	}
	u := &uninstaller{t, was, &Plan{tree: t, finish: t.forget}}
	var errs []error
	for _, e := range slices.Backward(was.Entries) {
		errs = append(errs, u.undo(e))
	}
	for _, c := range u.configs(o.Containerd) {
		errs = append(errs, u.gone(c))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("%w\nnothing was changed", err)
	}
	if err := u.confirm(o.Containerd); err != nil {
		return nil, err
	}
	return u.plan, nil
}

type uninstaller struct {
	tree
	was  *record
	plan *Plan
}

// undo plans to restore one file.
func (u *uninstaller) undo(e entry) error {
	s := step{path: e.Path}
	follow := e.After.Mode.IsRegular()
	var err error
	if s.now, err = u.read(e.Path, follow); err != nil {
		return err
	}
	switch {
	case e.Before.is(s.now):
		return nil
	case e.After.Mode.IsDir():
		return u.undoFolder(e, s)
	case e.After.is(s.now):
		if s.to, err = u.kept(e.Before); err != nil {
			return err
		}
	case s.now == nil:
		u.plan.Notes = append(u.plan.Notes, e.Path+" was removed by somebody: it stays away")
		return nil
	case e.Edits == nil:
		u.plan.Notes = append(u.plan.Notes, e.Path+" was changed by somebody: it stays")
		return nil
	default:
		reverted, err := revert(string(s.now.data), e.Edits)
		if err != nil {
			return fmt.Errorf("%s was changed since: %w\ntake them out by hand, and try again", e.Path, err)
		}
		if reverted == string(s.now.data) {
			u.plan.Notes = append(u.plan.Notes, e.Path+" has nothing of prearm's any more: it stays as it is")
			return nil
		}
		s.to = s.now.with(reverted)
	}
	u.plan.served = u.plan.served || e.Containerd
	u.plan.unit = u.plan.unit || filepath.Ext(e.Path) == ".service"
	u.plan.steps = append(u.plan.steps, s)
	return nil
}

// undoFolder removes a folder that prearm made, unless somebody uses it.
func (u *uninstaller) undoFolder(e entry, s step) error {
	inside, err := u.list(e.Path)
	if err != nil || s.now == nil {
		return err
	}
	for _, name := range inside {
		path := filepath.Join(e.Path, name)
		if !slices.ContainsFunc(u.plan.steps, func(s step) bool { return s.path == path && s.to == nil }) {
			u.plan.Notes = append(u.plan.Notes, e.Path+" is not empty: it stays")
			return nil
		}
	}
	u.plan.steps = append(u.plan.steps, s)
	return nil
}

// configs are containerd's configurations that may know the runtime.
func (u *uninstaller) configs(named string) []string {
	all := []string{named}
	for _, c := range u.was.Daemons {
		all = append(all, c.Config)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// planned is what path will hold.
func (u *uninstaller) planned(path string) (*file, error) {
	for _, s := range u.plan.steps {
		if s.path == path {
			return s.to, nil
		}
	}
	return u.read(path, true)
}

// gone fails if a configuration would still know the runtime, whose programs
// are about to go: then pods could not start.
func (u *uninstaller) gone(main string) error {
	c, err := u.readConfiguration(main, u.planned)
	if err != nil {
		return err
	}
	if where, kind := c.handler(handler); where != "" && kind == runtimeType {
		return fmt.Errorf("%s has a runtime entry named %s that prearm install did not make: take it out first", where, handler)
	}
	for _, d := range c.files {
		for _, plugin := range []string{pluginV1, pluginV2, pluginV3} {
			if look(d.table, "plugins", plugin, "containerd", "default_runtime_name") == handler {
				return fmt.Errorf("%s has default_runtime_name = %q, which prearm install did not write: change it first", d.path, handler)
			}
		}
		for _, path := range d.patterns() {
			if f, err := u.planned(path); err == nil && f == nil && u.was.find(path) != nil {
				return fmt.Errorf("%s imports %s, in words that prearm install did not write: take that out first", d.path, path)
			}
		}
	}
	return nil
}

// confirm asks containerd, once all is done, what it makes of the rest.
func (u *uninstaller) confirm(config string) error {
	program, err := u.program("containerd")
	if err != nil || program == "" || !u.plan.served {
		return err
	}
	d := daemon{u.tree, program}
	u.plan.verify = func(ctx context.Context) error {
		dump, err := d.dump(ctx, config)
		if err != nil {
			return fmt.Errorf("containerd refuses what would be left of its configuration: %w", err)
		}
		if look(runtimes(dump), handler) != nil {
			return fmt.Errorf("containerd would still have a runtime named %s", handler)
		}
		return nil
	}
	return nil
}
