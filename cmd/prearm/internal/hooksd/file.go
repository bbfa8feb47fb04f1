// Package hooksd writes the file by which podman, buildah and others that have
// hooks.d folders find a hook of the OCI runtime (oci-hooks(5), version 1.0.0).
package hooksd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// DefaultDir is the folder for packages' hooks, which podman reads by default.
const DefaultDir = "/usr/share/containers/oci/hooks.d"

// Name is the file's. Hooks run in the order of their names: what others
// change of a container should be there when its policies are put in force.
const Name = "zz-prearm.json"

// maxSize bounds a file that is read.
const maxSize = 1 << 20

// Hook is a program that the OCI runtime runs when every container starts and
// when it has ended, with the container's state on stdin.
type Hook struct {
	Path    string   `json:"path"`
	Args    []string `json:"args"`
	Timeout int      `json:"timeout"` // seconds
}

// file is the form of a file in hooks.d.
type file struct {
	Version string          `json:"version"`
	Hook    Hook            `json:"hook"`
	When    map[string]bool `json:"when"`
	Stages  []string        `json:"stages"`
}

// Marshal is the file's text.
func (h Hook) Marshal() ([]byte, error) {
	text, err := json.MarshalIndent(file{"1.0.0", h, map[string]bool{"always": true}, []string{"createRuntime", "poststop"}}, "", "  ")
	return append(text, '\n'), err
}

// File is prearm's in a hooks.d folder.
type File struct {
	Path string
	text []byte // nil: there is none
}

// Open looks whether the folder has the file. One of that name that is not
// prearm's is an error.
func Open(dir string) (*File, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	f := &File{Path: filepath.Join(dir, Name)}
	info, err := os.Lstat(f.Path)
	if errors.Is(err, os.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSize {
		return nil, fmt.Errorf("%s is not a file that prearm wrote: remove it, or choose another folder with --dir", f.Path)
	}
	if f.text, err = os.ReadFile(f.Path); err != nil {
		return nil, err
	}
	var is file
	if err := json.Unmarshal(f.text, &is); err != nil || len(is.Hook.Args) == 0 || is.Hook.Args[0] != "prearm" {
		return nil, fmt.Errorf("%s is not a file that prearm wrote: remove it, or choose another folder with --dir", f.Path)
	}
	return f, nil
}

// Exists says whether the file was there.
func (f *File) Exists() bool { return f.text != nil }

// Holds says whether it was there with this text.
func (f *File) Holds(text []byte) bool { return f.Exists() && bytes.Equal(f.text, text) }

// Write puts the text into the file; who reads it sees all of it or none.
func (f *File) Write(text []byte) error {
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
		return err
	}
	tmp := f.Path + ".new" // not .json: engines pass it by
	if err := os.WriteFile(tmp, text, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, f.Path)
}

// Remove removes the file. Its folder stays: it is the engine's.
func (f *File) Remove() error { return os.Remove(f.Path) }
