package shim

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// systemdCgroup says whether a cgroups path has the systemd driver's form,
// slice:prefix:name.
func systemdCgroup(path string) bool {
	return strings.Count(path, ":") == 2 && !strings.Contains(path, "/")
}

// specFile is the bundle's config.json. It keeps what this version's types do
// not know: only the fields that the plan sets are written back.
type specFile struct {
	path string
	raw  map[string]json.RawMessage
	specs.Spec
}

func readSpec(bundle string) (*specFile, error) {
	f := &specFile{path: filepath.Join(bundle, "config.json")}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &f.raw); err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	if err := json.Unmarshal(data, &f.Spec); err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	if f.Process == nil || f.Root == nil || f.Linux == nil {
		return nil, fmt.Errorf("%s: a Linux container needs process, root and linux", f.path)
	}
	return f, nil
}

// write puts the fields that a plan changes back into config.json.
func (f *specFile) write() error {
	process, err := patch(f.raw["process"], map[string]any{
		"capabilities":    f.Process.Capabilities,
		"apparmorProfile": f.Process.ApparmorProfile,
	})
	if err != nil {
		return fmt.Errorf("%s: process: %w", f.path, err)
	}
	linux, err := patch(f.raw["linux"], map[string]any{"seccomp": f.Linux.Seccomp})
	if err != nil {
		return fmt.Errorf("%s: linux: %w", f.path, err)
	}
	var createRuntime []specs.Hook
	if f.Hooks != nil {
		createRuntime = f.Hooks.CreateRuntime
	}
	hooks, err := patch(f.raw["hooks"], map[string]any{
		"createRuntime": createRuntime,
	})
	if err != nil {
		return fmt.Errorf("%s: hooks: %w", f.path, err)
	}
	f.raw["process"], f.raw["linux"], f.raw["hooks"] = process, linux, hooks
	data, err := json.Marshal(f.raw)
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	tmp := f.path + ".prearm"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, f.path)
}

// patch sets fields of a JSON object and leaves the others as they are. A
// field whose value marshals to null is removed.
func patch(object json.RawMessage, fields map[string]any) (json.RawMessage, error) {
	m := make(map[string]json.RawMessage)
	if len(object) > 0 {
		if err := json.Unmarshal(object, &m); err != nil {
			return nil, err
		}
	}
	if m == nil { // the object was null
		m = make(map[string]json.RawMessage)
	}
	for name, value := range fields {
		data, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		if string(data) == "null" {
			delete(m, name)
			continue
		}
		m[name] = data
	}
	return json.Marshal(m)
}

// rootfs is the container's root file system on the host, without symlinks in
// its path: the hook walks to it in another mount namespace, where a link of
// the host's would lead back out.
func (f *specFile) rootfs(bundle string) (string, error) {
	path := f.Root.Path
	if !filepath.IsAbs(path) {
		path = filepath.Join(bundle, path)
	}
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("root file system: %w", err)
	}
	return filepath.Abs(path)
}

// mounts are the spec's, with the sources of bind mounts absolute, as runc
// takes them: from the bundle.
func (f *specFile) mounts(bundle string) []specs.Mount {
	mounts := slices.Clone(f.Mounts)
	for i, m := range mounts {
		bind := m.Type == "bind" || slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
		if bind && !filepath.IsAbs(m.Source) {
			mounts[i].Source = filepath.Join(bundle, m.Source)
		}
	}
	return mounts
}
