package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// The runtime as containerd and RuntimeClasses name it.
const (
	handler     = "prearm"
	runtimeType = "io.containerd.prearm.v1"
)

// daemon is the node's containerd program, if it has one.
type daemon struct {
	tree
	path string // "" for none
}

// systemPath are the folders that a service looks for programs in.
func systemPath() []string {
	return []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}
}

func (t tree) program(name string) (string, error) {
	for _, dir := range systemPath() {
		path := filepath.Join(dir, name)
		f, err := t.read(path, true)
		if err != nil {
			return "", err
		}
		if f != nil && f.mode.IsRegular() && f.mode&0o111 != 0 {
			return path, nil
		}
	}
	return "", nil
}

// dump is what containerd makes of its configuration, its defaults included,
// or of none; nil where there is no containerd.
func (d daemon) dump(ctx context.Context, config string) (map[string]any, error) {
	if d.path == "" {
		return nil, nil
	}
	args := []string{"config", "default"}
	if f, err := d.read(config, true); err != nil {
		return nil, err
	} else if f != nil {
		args = []string{"--config", config, "config", "dump"}
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, d.path, args...)
	if d.root != "/" {
		cmd.Path, cmd.Dir = d.path, "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: d.root}
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", d.path, strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	var table map[string]any
	if err := toml.Unmarshal(out, &table); err != nil {
		return nil, fmt.Errorf("%s %s: %w", d.path, strings.Join(args, " "), err)
	}
	return table, nil
}

// runtimes are those of a dump.
func runtimes(dump map[string]any) map[string]any {
	for _, plugin := range []string{pluginV3, pluginV2} {
		if table := tableOf(dump, "plugins", plugin, "containerd", "runtimes"); table != nil {
			return table
		}
	}
	return nil
}

// request is what containerd's configuration is asked to have.
type request struct {
	runtimePath string // of the shim, if containerd does not find it by itself
	byDefault   bool   // for pods that name no runtime
	wasDefault  bool   // before
	unseen      bool   // the CRI plugin is disabled, and containerd dumps nothing of it
}

// rewrite is what becomes of one file of containerd's.
type rewrite struct {
	path  string
	edits []edit // of the file that is there
	whole string // of one that is not
}

// entry gives what the rewritten files hold for r: rewrites that add nothing
// else to c. The dump says which runtimes containerd has now.
func (c *configuration) entry(r request, dump map[string]any) ([]rewrite, error) {
	own := map[string]any{"runtime_type": runtimeType}
	if r.runtimePath != "" {
		own["runtime_path"] = r.runtimePath
	}
	if c.version == 0 {
		return c.create(r, own, dump), nil
	}
	if c.merges() {
		return c.dropIn(r, own)
	}
	return c.inPlace(r, own, dump)
}

const mark = "# Added by prearm install; prearm uninstall takes it out.\n"

// create makes the main file where there is none, of the version that the
// installed containerd calls its own.
func (c *configuration) create(r request, own, dump map[string]any) []rewrite {
	if ownVersion(dump) >= 3 {
		c.version = 3
		return []rewrite{
			{path: c.main, whole: "version = 3\nimports = [" + quote(c.dropInPath()) + "]\n"},
			{path: c.dropInPath(), whole: c.dropInText(r, own)},
		}
	}
	c.version = 2
	whole := "version = 2\n\n" + mark + c.defaultText(r) + c.others(dump) + entryText(c.plugin(), own)
	return []rewrite{{path: c.main, whole: whole}}
}

func (c *configuration) dropInPath() string {
	return filepath.Join(filepath.Dir(c.main), "conf.d", "prearm.toml")
}

func (c *configuration) dropInText(r request, own map[string]any) string {
	return mark + fmt.Sprintf("version = %d\n\n", c.version) + c.defaultText(r) + entryText(c.plugin(), own)
}

// defaultText makes prearm the default, in a file that has no such table yet.
func (c *configuration) defaultText(r request) string {
	if !r.byDefault {
		return ""
	}
	return header("plugins", c.plugin(), "containerd") + "  default_runtime_name = " + quote(handler) + "\n"
}

// dropIn adds a file, and has the main file import it unless it does.
func (c *configuration) dropIn(r request, own map[string]any) ([]rewrite, error) {
	path := c.dropInPath()
	rewrites := []rewrite{{path: path, whole: c.dropInText(r, own)}}
	for _, d := range c.files {
		for _, pattern := range d.patterns() {
			if match, err := filepath.Match(pattern, path); err == nil && match {
				return rewrites, nil
			}
		}
	}
	main := c.files[0]
	e := main.importEdit(path)
	imports, _ := main.table["imports"].([]any)
	want := clone(main.table)
	put(want, slices.Insert(slices.Clone(imports), 0, any(path)), "imports")
	if err := main.check([]edit{e}, want); err != nil {
		return nil, err
	}
	return append(rewrites, rewrite{path: main.path, edits: []edit{e}}), nil
}

// inPlace adds the entry to the end of the file whose table counts.
func (c *configuration) inPlace(r request, own, dump map[string]any) ([]rewrite, error) {
	d := c.home()
	top := []string{"plugins", c.plugin(), "containerd"}
	want := clone(d.table)
	put(want, own, append(slices.Clone(top), "runtimes", handler)...)
	block := mark
	var edits []edit
	if r.byDefault {
		if e, ok := d.defaultEdit(top); ok {
			edits = append(edits, e)
		} else {
			block += c.defaultText(r)
		}
		put(want, handler, append(slices.Clone(top), "default_runtime_name")...)
	}
	if tableOf(d.table, append(slices.Clone(top), "runtimes")...) == nil {
		others := c.others(dump)
		block += others
		var more map[string]any
		if err := toml.Unmarshal([]byte(others), &more); err != nil {
			return nil, err
		}
		all := append(slices.Clone(top), "runtimes")
		maps.Copy(tableOf(want, all...), tableOf(more, all...))
	}
	end := edit{New: d.newline(len(d.text)) + "\n" + block + entryText(c.plugin(), own), at: len(d.text)}
	if len(d.text) == 0 {
		end.New = strings.TrimPrefix(end.New, "\n")
	}
	edits = append(edits, end)
	if err := d.check(edits, want); err != nil {
		return nil, err
	}
	return []rewrite{{path: d.path, edits: edits}}, nil
}

// ownVersion is that of the configuration which the dumping containerd writes
// itself: 2 for the 1.x series, more for 2.x.
func ownVersion(dump map[string]any) int64 {
	v, _ := dump["version"].(int64)
	return v
}

// others writes the runtimes that containerd 1.x has built in and would
// forget for ours: runc, unless the dump knows better.
func (c *configuration) others(dump map[string]any) string {
	if ownVersion(dump) >= 3 {
		return ""
	}
	known := runtimes(dump)
	if len(known) == 0 {
		known = map[string]any{"runc": map[string]any{"runtime_type": "io.containerd.runc.v2"}}
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if table, ok := known[name].(map[string]any); ok && name != handler {
			b.WriteString(tableText(table, "plugins", c.plugin(), "containerd", "runtimes", name))
		}
	}
	return b.String()
}

// defaultEdit changes the default runtime's name where the file has one, or
// adds it to the table if that has a header.
func (d *document) defaultEdit(table []string) (edit, bool) {
	const key = "default_runtime_name"
	if l, ok := d.find(false, append(slices.Clone(table), key)...); ok {
		was := d.text[l.start:l.fin]
		now := d.text[l.start:l.end] + " = " + quote(handler)
		rest := strings.TrimRight(d.text[l.fin:d.after(l.fin)], "\r\n")
		return edit{Old: was + rest, New: now + rest + " # by prearm install", at: l.start}, true
	}
	if l, ok := d.find(true, table...); ok {
		at := d.after(l.end)
		return edit{New: d.newline(at) + "  " + key + " = " + quote(handler) + " # added by prearm install\n", at: at}, true
	}
	return edit{}, false
}

// check makes sure that the edited file says what it shall and nothing else.
func (d *document) check(edits []edit, want map[string]any) error {
	byHand := func(why string) error {
		var lines []string
		for _, e := range edits {
			lines = append(lines, indent(e.New))
		}
		return fmt.Errorf("%s cannot be edited without understanding it (%s). Add by hand, where it fits:\n%s", d.path, why, strings.Join(lines, "\n"))
	}
	after, err := parse(d.path, apply(d.text, edits))
	if err != nil {
		return byHand(err.Error())
	}
	if !reflect.DeepEqual(after.table, want) {
		return byHand("the result would say something else")
	}
	return nil
}

func clone(table map[string]any) map[string]any {
	c := make(map[string]any, len(table))
	for key, value := range table {
		if t, ok := value.(map[string]any); ok {
			value = clone(t)
		}
		c[key] = value
	}
	return c
}

// compare says in what containerd's view of its configuration has changed
// beyond the request; both are dumps.
func compare(before, after map[string]any, r request) error {
	old, now := flatten(before), flatten(after)
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(old)) {
		path := strings.Split(key, "\x00")
		if now[key] == old[key] || r.may(path) {
			continue
		}
		errs = append(errs, fmt.Errorf("%s would change from %s to %s", strings.Join(path, "."), old[key], now[key]))
	}
	for _, key := range slices.Sorted(maps.Keys(now)) {
		path := strings.Split(key, "\x00")
		if _, ok := old[key]; ok || r.may(path) {
			continue
		}
		errs = append(errs, fmt.Errorf("%s would become %s", strings.Join(path, "."), now[key]))
	}
	if r.unseen {
		return errors.Join(errs...)
	}
	if look(runtimes(after), handler, "runtime_type") != runtimeType {
		errs = append(errs, errors.New("it does not see the runtime entry"))
	}
	if r.byDefault && !byDefault(after) {
		errs = append(errs, errors.New("another file says what the default runtime is"))
	}
	return errors.Join(errs...)
}

// may says whether the value of that path is one that the request changes.
func (r request) may(path []string) bool {
	if path[0] == "imports" {
		return true
	}
	if len(path) < 4 || path[0] != "plugins" || path[2] != "containerd" {
		return false
	}
	return path[3] == "default_runtime_name" && (r.byDefault || r.wasDefault) ||
		path[3] == "runtimes" && path[4] == handler
}

func byDefault(dump map[string]any) bool {
	for _, plugin := range []string{pluginV3, pluginV2} {
		if look(dump, "plugins", plugin, "containerd", "default_runtime_name") == handler {
			return true
		}
	}
	return false
}

// flatten lists the values of a table by their paths, joined by NULs, but for
// those that are empty.
func flatten(table map[string]any) map[string]string {
	flat := make(map[string]string)
	for key, value := range table {
		if sub, ok := value.(map[string]any); ok {
			for path, v := range flatten(sub) {
				flat[key+"\x00"+path] = v
			}
		} else if v := valueText(value); v != "" {
			flat[key] = v
		}
	}
	return flat
}
