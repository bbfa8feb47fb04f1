// Package build makes the index of a policy folder. It reads YAML and needs
// libseccomp, so it is linked into the command line tool alone; a start that
// finds the index stale runs the tool.
package build

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/store"
	"github.com/prearm/prearm/policy/store/internal/format"
	"github.com/prearm/prearm/policy/store/internal/scan"
)

// Summary is what a build did.
type Summary struct {
	Fresh  bool         `json:"fresh"`  // the index was up to date, nothing was done
	Files  int          `json:"files"`  // policy files
	Reused int          `json:"reused"` // of them, taken from the previous index unread
	Bad    []policy.Bad `json:"bad"`    // what is wrong with the files as they are now
}

// Options changes how an index is made.
type Options struct {
	Force bool // read every file, also if the index is up to date
}

// Build brings the index of the folder up to date. Of many that call it at
// once, in whatever process, one does the work and the others wait for it.
//
// Bad files are no error: they are in the summary, and starts that they may
// concern are refused by the index. An error means that there is no new index;
// the old one, if any, is as it was.
func Build(policyDir, indexPath string, opts Options) (*Summary, error) {
	policyDir, err := filepath.Abs(policyDir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(indexPath), 0o700); err != nil {
		return nil, fmt.Errorf("folder for the policy index: %w", err)
	}
	lock, waited, err := acquire(indexPath+".lock", func() bool { return fresh(policyDir, indexPath) })
	if err != nil {
		return nil, fmt.Errorf("lock of the policy index: %w", err)
	}
	if lock == nil {
		return existing(indexPath) // another one has just made it
	}
	defer lock.Close()
	if !opts.Force && fresh(policyDir, indexPath) && (waited || intact(indexPath)) {
		return existing(indexPath)
	}
	return rebuild(policyDir, indexPath, opts)
}

// fresh reports whether a start could use the index.
func fresh(policyDir, indexPath string) bool {
	s, err := store.Open(policyDir, indexPath)
	if err != nil {
		return false
	}
	return s.Close() == nil
}

// intact reports whether all of the index can be read. A start reads, and
// checks, what it needs.
func intact(indexPath string) bool {
	x, err := format.Open(indexPath)
	if err != nil {
		return false
	}
	defer x.Close()
	for i := range x.Entries {
		e, err := x.Entry(i)
		if err != nil {
			return false
		}
		if _, _, err := x.Blob(e); err != nil {
			return false
		}
	}
	return true
}

// existing summarises an index that is up to date.
func existing(indexPath string) (*Summary, error) {
	x, err := format.Open(indexPath)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	s := &Summary{Fresh: true, Files: int(x.Files) - 1}
	s.Bad, err = store.Reports(x)
	return s, err
}

func rebuild(policyDir, indexPath string, opts Options) (*Summary, error) {
	folder, err := scan.Open(policyDir)
	if err != nil {
		return nil, store.Unreadable(policyDir, err)
	}
	defer folder.Close()
	before, err := open(indexPath, !opts.Force)
	if err != nil {
		return nil, err
	}
	defer before.close()

	// The clock first, then the stamp, then the content: see scan.Settled.
	now := scan.Now()
	self := source{name: string(scan.Self[:1]), stamp: folder.Stamp(scan.Self)}
	names, err := folder.Names()
	if err != nil {
		return nil, store.Unreadable(policyDir, err)
	}
	if !scan.Settled(self.stamp, now) {
		sum := scan.SumOf(names)
		self.sum = sum[:]
	}
	sources := make([]source, len(names))
	each(len(names), func(i int) { sources[i] = load(folder, before, names[i]) })
	settle(sources, before)

	s := &Summary{Files: len(sources)}
	for i := range sources {
		s.Bad = append(s.Bad, sources[i].bad...)
		if sources[i].reused {
			s.Reused++
		}
	}
	if err := replace(indexPath, policyDir, append([]source{self}, sources...)); err != nil {
		return nil, err
	}
	return s, nil
}

// each calls f for 0 to n-1, on every processor.
func each(n int, f func(i int)) {
	var (
		next atomic.Int64
		wg   sync.WaitGroup
	)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}

// replace writes the index beside the old one and puts it in its place.
func replace(indexPath, policyDir string, sources []source) error {
	tmp := indexPath + ".tmp" // we hold the lock, there is one
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("new policy index: %w", err)
	}
	if err := errors.Join(write(f, policyDir, sources), f.Close()); err != nil {
		return fmt.Errorf("new policy index: %w", errors.Join(err, os.Remove(tmp)))
	}
	if err := os.Rename(tmp, indexPath); err != nil {
		return fmt.Errorf("new policy index: %w", errors.Join(err, os.Remove(tmp)))
	}
	// The old index may be all that remembers a last good version.
	dir, err := os.Open(filepath.Dir(indexPath))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func write(f *os.File, policyDir string, sources []source) error {
	out, err := encode(sources)
	if err != nil {
		return err
	}
	if err := format.Write(f, policyDir, builder(), out); err != nil {
		return err
	}
	return f.Sync()
}
