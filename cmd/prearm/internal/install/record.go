package install

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
)

// Where the record is kept, on the node.
const (
	recordDir  = "/var/lib/prearm"
	recordPath = recordDir + "/install.json"
	keptDir    = recordDir + "/install" // contents from before, by their SHA-256
)

// record is what installing has changed on a node.
type record struct {
	Prefix  string   `json:"prefix"`
	Daemons []choice `json:"containerd"`
	Entries []entry  `json:"files"` // in the order in which they were changed
}

// choice is what was asked for one of containerd's configurations.
type choice struct {
	Config  string `json:"config"`
	Default bool   `json:"default_runtime"`
}

// entry is one file that was made or changed.
type entry struct {
	Path   string `json:"path"`
	Before *state `json:"before,omitempty"` // nil: it was not there
	After  state  `json:"after"`
	Edits  []edit `json:"edits,omitempty"` // the difference, in files that are edited and not replaced

	Containerd bool `json:"containerd,omitempty"` // containerd reads it
}

// state identifies what a path holds. The content from before is kept in a
// file beside the record.
type state struct {
	Mode fs.FileMode `json:"mode"`
	UID  int         `json:"uid"`
	GID  int         `json:"gid"`
	Sum  string      `json:"sha256"`
}

func stateOf(f *file) *state {
	if f == nil {
		return nil
	}
	return &state{f.mode, f.uid, f.gid, f.sum()}
}

func (s *state) is(f *file) bool {
	if s == nil || f == nil {
		return s == nil && f == nil
	}
	return *s == *stateOf(f)
}

func (t tree) readRecord() (*record, error) {
	f, err := t.read(recordPath, true)
	if err != nil {
		return nil, err
	}
	r := &record{}
	if f == nil {
		return r, nil
	}
	if err := json.Unmarshal(f.data, r); err != nil {
		return nil, fmt.Errorf("%s, the record of what was installed: %w", recordPath, err)
	}
	return r, nil
}

// writeRecord keeps the record, and before it the contents that it speaks of.
func (t tree) writeRecord(r *record, before []*file) error {
	for _, f := range before {
		path := filepath.Join(keptDir, f.sum())
		if kept, err := t.read(path, false); err != nil {
			return err
		} else if kept != nil {
			continue
		}
		if err := t.write(keptDir, &file{mode: fs.ModeDir | 0o700}); err != nil {
			return err
		}
		if err := t.write(path, &file{data: f.data, mode: 0o600}); err != nil {
			return err
		}
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := t.write(recordDir, &file{mode: fs.ModeDir | 0o755}); err != nil {
		return err
	}
	return t.write(recordPath, &file{data: append(data, '\n'), mode: 0o600})
}

// kept gives the content that s speaks of, from beside the record.
func (t tree) kept(s *state) (*file, error) {
	if s == nil {
		return nil, nil
	}
	f := &file{mode: s.Mode, uid: s.UID, gid: s.GID}
	if s.Mode.IsDir() {
		return f, nil
	}
	path := filepath.Join(keptDir, s.Sum)
	k, err := t.read(path, false)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return nil, fmt.Errorf("%s is gone: it held a file from before the installation", path)
	}
	f.data = k.data
	if f.sum() != s.Sum {
		return nil, fmt.Errorf("%s is damaged: it held a file from before the installation", path)
	}
	return f, nil
}

// forget removes the record and what is beside it.
func (t tree) forget() error {
	if err := t.remove(recordPath); err != nil {
		return err
	}
	return t.tidy()
}

// tidy removes what is beside the record and not spoken of in it; without a
// record, all of it.
func (t tree) tidy() error {
	r, err := t.readRecord()
	if err != nil {
		return err
	}
	names, err := t.list(keptDir)
	if err != nil {
		return err
	}
	for _, name := range names {
		spoken := slices.ContainsFunc(r.Entries, func(e entry) bool { return e.Before != nil && e.Before.Sum == name })
		if spoken {
			continue
		}
		if err := t.remove(filepath.Join(keptDir, name)); err != nil {
			return err
		}
	}
	// Folders that are not empty stay.
	return errors.Join(t.remove(keptDir), t.remove(recordDir))
}

// find gives the entry of path, nil if it has none.
func (r *record) find(path string) *entry {
	i := slices.IndexFunc(r.Entries, func(e entry) bool { return e.Path == path })
	if i < 0 {
		return nil
	}
	return &r.Entries[i]
}

func (r *record) set(e entry) {
	if old := r.find(e.Path); old != nil {
		*old = e
		return
	}
	r.Entries = append(r.Entries, e)
}

// chosen gives what was asked for a configuration of containerd's.
func (r *record) chosen(config string) choice {
	for _, c := range r.Daemons {
		if c.Config == config {
			return c
		}
	}
	return choice{Config: config}
}

func (r *record) choose(c choice) {
	for i := range r.Daemons {
		if r.Daemons[i].Config == c.Config {
			r.Daemons[i] = c
			return
		}
	}
	r.Daemons = append(r.Daemons, c)
}

// clone is a copy that can be changed.
func (r *record) clone() *record {
	c := *r
	c.Daemons, c.Entries = slices.Clone(r.Daemons), slices.Clone(r.Entries)
	return &c
}
