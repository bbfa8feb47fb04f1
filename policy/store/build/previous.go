package build

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/prearm/prearm/policy/store/internal/format"
)

// previous is the index that a build replaces: it knows the last good
// versions of files, and saves reading those that have not changed.
type previous struct {
	index *format.Index // nil if there was none
	files map[string]format.File
	reuse bool // it was made by this very program
}

// open opens the previous index. A damaged one is as good as none.
func open(path string, reuse bool) (*previous, error) {
	p := &previous{files: map[string]format.File{}}
	x, err := format.Open(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, format.ErrDamaged) {
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	for i := range int(x.Files) {
		f, err := x.File(i)
		if err != nil {
			continue // read it anew
		}
		p.files[f.Name] = f
	}
	by := builder()
	p.index, p.reuse = x, reuse && by == x.Builder && by != [16]byte{}
	return p, nil
}

func (p *previous) close() {
	if p.index != nil {
		p.index.Close()
	}
}

// builder identifies this program: another version may read a file otherwise.
func builder() (id [16]byte) {
	path, err := os.Executable()
	if err != nil {
		return id
	}
	info, err := os.Stat(path)
	if err != nil {
		return id
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %+v", info.Size(), info.ModTime().UnixNano(), info.Sys()))
	return [16]byte(sum[:16])
}

// same has what the file said if this very version of it was indexed, and was
// good.
func (p *previous) same(name string, stamp format.Stamp) ([]item, bool) {
	f, ok := p.files[name]
	if !ok || !p.reuse || f.Stamp != stamp || stamp == (format.Stamp{}) || f.Flags != format.HasGood {
		return nil, false
	}
	return p.items(f, false)
}

// good has the last good version of the file.
func (p *previous) good(name string) ([]item, bool) {
	f, ok := p.files[name]
	if !ok || f.Flags&format.HasGood == 0 {
		return nil, false
	}
	return p.items(f, true)
}

// items are the objects of a file that the index has in force. Unless outdated
// ones will do, they must be those of the version that was indexed.
func (p *previous) items(f format.File, outdated bool) ([]item, bool) {
	var items []item
	for i := f.First; i < f.First+f.Count; i++ {
		e, err := p.index.Entry(i)
		if err != nil {
			return nil, false
		}
		if e.Kind == format.Report && !outdated {
			return nil, false
		}
		if e.Kind != format.Policy && e.Kind != format.Namespace {
			continue
		}
		it := item{kind: e.Kind}
		if it.head, it.body, err = p.index.Blob(e); err != nil {
			return nil, false
		}
		into := any(&it.policy)
		if e.Kind == format.Namespace {
			into = &it.namespace
		}
		if err := json.Unmarshal(it.head, into); err != nil {
			return nil, false
		}
		items = append(items, it)
	}
	return items, true
}
