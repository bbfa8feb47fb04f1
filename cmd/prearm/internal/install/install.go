package install

import (
	"context"
	_ "embed"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// Options say what to install where.
type Options struct {
	Root       string // folder that holds the node's files, "/" for this machine; absolute and clean, as From
	Prefix     string // of the programs; see prefix for ""
	Containerd string // containerd's configuration file
	// DefaultRuntime makes prearm the runtime of pods that name none; nil
	// leaves it as an earlier installation has it.
	DefaultRuntime *bool
	From           string // folder of the programs, on this machine
}

// DefaultConfig is containerd's configuration file unless it is told another.
const DefaultConfig = "/etc/containerd/config.toml"

//go:embed prearm.service
var service string

//go:embed config.toml
var settings string

// programs are what a node needs, in one folder.
func programs() []string {
	return []string{"containerd-shim-prearm-v1", "prearm-shim", "prearm-hook", "prearm"}
}

// installer plans an installation.
type installer struct {
	tree
	Options
	was  *record
	plan *Plan
}

// Install plans an installation. On a node that has it all, the plan has no
// changes.
func Install(ctx context.Context, o Options) (*Plan, error) {
	t := tree{o.Root}
	was, err := t.readRecord()
	if err != nil {
		return nil, err
	}
	i := &installer{t, o, was, &Plan{tree: t, next: was.clone()}}
	if err := i.choosePrefix(); err != nil {
		return nil, err
	}
	for _, part := range []func(context.Context) error{i.programs, i.settings, i.service, i.containerd} {
		if err := part(ctx); err != nil {
			return nil, err
		}
	}
	if len(i.plan.steps) == 0 {
		i.plan.next = was
	}
	return i.plan, nil
}

// choosePrefix takes what was asked for, else what is installed already, else
// the place where prearm lies if a service finds it there, else /usr/local.
func (i *installer) choosePrefix() error {
	asked, was := i.Prefix, i.was.Prefix
	if asked == "" {
		asked = was
	}
	if asked == "" {
		asked = "/usr/local"
		if i.From == "/usr/bin" && i.root == "/" {
			asked = "/usr"
		}
	}
	if !filepath.IsAbs(asked) {
		return fmt.Errorf("the prefix %q is not an absolute path", asked)
	}
	i.Prefix = filepath.Clean(asked)
	if was != "" && i.Prefix != was {
		return fmt.Errorf("prearm is installed under %s; prearm uninstall takes it out, so that %s can hold it", was, i.Prefix)
	}
	i.plan.next.Prefix = i.Prefix
	return nil
}

func (i *installer) bin() string { return filepath.Join(i.Prefix, "bin") }

func (i *installer) programs(context.Context) error {
	from := tree{"/"}
	for _, name := range programs() {
		source, err := from.real(filepath.Join(i.From, name), true)
		if err != nil {
			return err
		}
		program, err := from.read(source, true)
		if err != nil {
			return err
		}
		if program == nil {
			return fmt.Errorf("%s has no %s; make builds it", i.From, name)
		}
		path := filepath.Join(i.bin(), name)
		at, err := i.real(path, true)
		if err != nil {
			return err
		}
		if source == at {
			continue
		}
		if err := i.folder(i.bin()); err != nil {
			return err
		}
		if err := i.want(path, &file{data: program.data, mode: 0o755}, nil); err != nil {
			return err
		}
	}
	return nil
}

// settings makes /etc/prearm, with nothing in force, unless there is one.
func (i *installer) settings(context.Context) error {
	if err := i.folder("/etc/prearm/policies"); err != nil {
		return err
	}
	const path = "/etc/prearm/config.toml"
	if taken, err := i.taken(path); err != nil || taken {
		return err
	}
	return i.want(path, text(settings), nil)
}

// service has the cgroup programs loaded at boot, if the node has systemd and
// the package has not brought the unit.
func (i *installer) service(context.Context) error {
	const name = "prearm.service"
	for _, dir := range []string{"/usr/lib/systemd/system", "/lib/systemd/system"} {
		if f, err := i.read(filepath.Join(dir, name), true); err != nil || f != nil {
			return err
		}
	}
	if f, err := i.read("/etc/systemd/system", true); err != nil {
		return err
	} else if f == nil {
		i.plan.Notes = append(i.plan.Notes, "no systemd here: run prearm bpf load at boot, before containerd starts, and no start has to wait for it")
		return nil
	}
	unit := filepath.Join("/etc/systemd/system", name)
	wants := "/etc/systemd/system/multi-user.target.wants"
	before := len(i.plan.steps)
	if taken, err := i.taken(unit); err != nil {
		return err
	} else if taken {
		i.plan.Notes = append(i.plan.Notes, unit+" is not as prearm makes it: it is left as it is")
		return nil
	}
	if err := i.want(unit, text(strings.ReplaceAll(service, "/usr/bin/", i.bin()+"/")), nil); err != nil {
		return err
	}
	if err := i.folder(wants); err != nil {
		return err
	}
	err := i.want(filepath.Join(wants, name), &file{data: []byte(unit), mode: fs.ModeSymlink}, nil)
	i.plan.unit = len(i.plan.steps) > before
	return err
}

// folder makes a folder and those above it.
func (i *installer) folder(path string) error {
	if path == "/" {
		return nil
	}
	if err := i.folder(filepath.Dir(path)); err != nil {
		return err
	}
	planned := slices.ContainsFunc(i.plan.steps, func(s step) bool { return s.path == path })
	f, err := i.read(path, true)
	if err != nil || planned || f != nil {
		return err
	}
	return i.want(path, &file{mode: fs.ModeDir | 0o755}, nil)
}

// taken says whether path holds what is not prearm's, or not any more.
func (i *installer) taken(path string) (bool, error) {
	now, err := i.read(path, true)
	e := i.was.find(path)
	return now != nil && (e == nil || !e.After.is(now)), err
}

// want plans that path holds f. Edits are how f comes of what was there; nil
// for a file of prearm's own.
func (i *installer) want(path string, f *file, edits []edit) error {
	follow := f.mode.IsRegular()
	now, err := i.read(path, follow)
	if err != nil {
		return err
	}
	e := entry{Path: path, Before: stateOf(now), After: *stateOf(f), Edits: edits}
	before := now
	if was := i.was.find(path); was != nil {
		// What was there before prearm first came is what counts.
		e.Before, before = was.Before, nil
		if edits != nil {
			if before, err = i.base(path); err != nil {
				return err
			}
			e.Before = stateOf(before)
		}
	}
	if now.same(f) {
		return nil
	}
	if before != nil && !before.mode.IsDir() {
		i.plan.before = append(i.plan.before, before)
	}
	i.plan.steps = append(i.plan.steps, step{path, now, f})
	i.plan.next.set(e)
	return nil
}

// base is what path holds but for prearm's own changes. What somebody made of
// these counts as theirs.
func (i *installer) base(path string) (*file, error) {
	now, err := i.read(path, true)
	e := i.was.find(path)
	if err != nil || now == nil || e == nil {
		return now, err
	}
	if e.After.is(now) {
		return i.kept(e.Before)
	}
	if e.Edits == nil {
		return now, nil
	}
	reverted, err := revert(string(now.data), e.Edits)
	if err != nil {
		return now, nil //nolint:nilerr // somebody has edited prearm's lines: they are theirs
	}
	return now.with(reverted), nil
}

// containerd gives it a runtime entry, unless it has one.
func (i *installer) containerd(ctx context.Context) error {
	path := i.Containerd
	choice := i.was.chosen(path)
	if i.DefaultRuntime != nil {
		choice.Default = *i.DefaultRuntime
	}
	program, err := i.program("containerd")
	if err != nil {
		return err
	}
	d := daemon{i.tree, program}
	r := request{byDefault: choice.Default, wasDefault: i.was.chosen(path).Default}
	if !slices.Contains(systemPath(), i.bin()) {
		r.runtimePath = filepath.Join(i.bin(), "containerd-shim-prearm-v1")
	}
	c, err := i.readConfiguration(path, i.base)
	if err != nil {
		return err
	}
	if where, kind := c.handler(handler); where != "" {
		if kind != runtimeType {
			return fmt.Errorf("%s has a runtime named %s already, of type %v: rename it, or set its runtime_type to %q", where, handler, kind, runtimeType)
		}
		i.plan.Notes = append(i.plan.Notes, fmt.Sprintf("%s has a runtime entry named %s, written by hand: it is left as it is", where, handler))
		if i.DefaultRuntime != nil && *i.DefaultRuntime {
			i.plan.Notes = append(i.plan.Notes, "default_runtime_name is left as it is too: set it beside that entry")
		}
		return nil
	}
	if where := c.disabled(); where != "" {
		r.unseen = true
		i.plan.Notes = append(i.plan.Notes, where+" disables containerd's CRI plugin (disabled_plugins): ctr and nerdctl can use prearm, Kubernetes cannot")
	}
	dump, err := d.dump(ctx, path)
	if err != nil {
		return fmt.Errorf("containerd does not take its configuration as it is, before any change: %w", err)
	}
	rewrites, err := c.entry(r, dump)
	if err != nil {
		return err
	}
	before := len(i.plan.steps)
	for _, w := range rewrites {
		if err := i.rewrite(w); err != nil {
			return err
		}
		if e := i.plan.next.find(w.path); e != nil {
			e.Containerd = true
		}
	}
	i.plan.next.choose(choice)
	if len(i.plan.steps) == before {
		return nil
	}
	i.plan.served = true
	if program == "" {
		i.plan.Notes = append(i.plan.Notes, "no containerd is installed here that could confirm its configuration")
		return nil
	}
	i.plan.verify = func(ctx context.Context) error {
		after, err := d.dump(ctx, path)
		if err != nil {
			return fmt.Errorf("containerd refuses the new configuration: %w", err)
		}
		if err := compare(dump, after, r); err != nil {
			return fmt.Errorf("containerd would make something else of the new configuration: %w", err)
		}
		return nil
	}
	return nil
}

func (i *installer) rewrite(w rewrite) error {
	if w.edits == nil {
		if err := i.folder(filepath.Dir(w.path)); err != nil {
			return err
		}
		taken, err := i.taken(w.path)
		if err != nil {
			return err
		}
		if taken && i.was.find(w.path) != nil {
			i.plan.Notes = append(i.plan.Notes, w.path+" was changed by somebody: it is left as it is")
			return nil
		}
		if taken {
			return fmt.Errorf("%s is there already and has no runtime entry named %s: move it away, or add one to it", w.path, handler)
		}
		return i.want(w.path, text(w.whole), nil)
	}
	base, err := i.base(w.path)
	if err != nil {
		return err
	}
	return i.want(w.path, base.with(apply(string(base.data), w.edits)), w.edits)
}
