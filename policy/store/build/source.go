package build

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io/fs"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/reader"
	"github.com/prearm/prearm/policy/store/internal/format"
	"github.com/prearm/prearm/policy/store/internal/scan"
)

// source is a file of the folder, and what is in force from it.
type source struct {
	name   string
	path   string
	stamp  format.Stamp
	sum    []byte // of its content, if the stamp alone proves nothing
	items  []item
	bad    []policy.Bad // what is wrong with the file as it is now
	good   bool         // items are a version that was good as a whole
	reused bool         // unread
}

// item is one object in force.
type item struct {
	kind       format.Kind
	policy     policy.Policy // of a policy, without rules
	namespace  policy.Namespace
	head, body []byte // encoded
}

// load reads a file, unless the previous index knows this version.
func load(folder *scan.Folder, before *previous, name string) source {
	now := scan.Now()
	s := source{name: name, path: folder.Path + "/" + name, stamp: folder.Stamp(append([]byte(name), 0))}
	if items, ok := before.same(name, s.stamp); ok {
		s.items, s.good, s.reused = items, true, true
		return s
	}
	data, err := folder.Read(name)
	var file *reader.File
	switch {
	case err == nil:
		file = reader.Read(s.path, bytes.NewReader(data))
		if !scan.Settled(s.stamp, now) {
			sum := sha256.Sum256(data)
			s.sum = sum[:]
		}
	case errors.Is(err, scan.ErrNotRegular), errors.Is(err, fs.ErrNotExist):
		file = reader.Unreadable(s.path, err)
	default:
		// It may be readable again without a new stamp: try at each start.
		file = reader.Unreadable(s.path, err)
		s.sum = make([]byte, sha256.Size)
	}
	if s.items, err = itemsOf(file); err != nil {
		file.Bad = append(file.Bad, reader.Unreadable(s.path, err).Bad...)
	}
	s.bad = file.Bad
	s.good = len(s.bad) == 0
	if !s.good {
		s.fallBack(before)
	}
	return s
}

// fallBack puts the last good version in force, if there is one.
func (s *source) fallBack(before *previous) bool {
	items, ok := before.good(s.name)
	if ok {
		s.items, s.good = items, true
	}
	return ok
}

func itemsOf(f *reader.File) ([]item, error) {
	var items []item
	for _, p := range f.Policies {
		rules := p.Rules
		for i := range rules {
			rules[i].Position.File = "" // said once, by the file
		}
		it := item{kind: format.Policy, policy: p}
		it.policy.Rules = nil
		head := it.policy
		head.Position.File = ""
		var err error
		if it.head, err = json.Marshal(head); err != nil {
			return nil, err
		}
		if it.body, err = json.Marshal(rules); err != nil {
			return nil, err
		}
		items = append(items, it)
	}
	for _, ns := range f.Namespaces {
		head, err := json.Marshal(ns)
		if err != nil {
			return nil, err
		}
		items = append(items, item{kind: format.Namespace, namespace: ns, head: head})
	}
	return items, nil
}

// definitions are the objects that the source puts in force.
func (s *source) definitions() []reader.Definition {
	all := make([]reader.Definition, len(s.items))
	for i := range s.items {
		all[i] = s.items[i].definition(s.path)
	}
	return all
}

func (it *item) definition(path string) reader.Definition {
	if it.kind == format.Namespace {
		return reader.Definition{
			Key: reader.Key{Kind: policy.KindNamespace, Namespace: it.namespace.Name, Name: it.namespace.Name},
			At:  it.namespace.Position,
		}
	}
	at := it.policy.Position
	at.File = path
	return reader.Definition{Key: reader.Key{Kind: it.policy.Kind, Namespace: it.policy.Namespace, Name: it.policy.Name}, At: at}
}
