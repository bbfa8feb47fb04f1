package build

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy/store"
)

// TestOneBuilds: many starts at once find the index stale, and it is made once.
func TestOneBuilds(t *testing.T) {
	n := newNode(t)
	for i := range 50 {
		n.write(fmt.Sprintf("%d.yaml", i), blocks(fmt.Sprintf("p%d", i), "/bin/x"))
	}
	n.build()
	n.build()
	for round := range 5 {
		n.write("0.yaml", blocks("p0", fmt.Sprintf("/bin/%d", round)))
		var (
			wg    sync.WaitGroup
			built atomic.Int32
			racy  atomic.Bool
		)
		for range 64 {
			wg.Go(func() {
				s, err := Build(n.dir, n.index, Options{})
				if err != nil {
					t.Error(err)
					return
				}
				if !s.Fresh {
					built.Add(1)
					racy.CompareAndSwap(false, s.Reused < 49)
				}
				if _, err := n.start(web); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		// A file that was written in the very tick of its reading is read
		// once more when the tick is over.
		if got := built.Load(); got < 1 || got > 2 {
			t.Errorf("made %d times", got)
		}
	}
}

// TestStartsWhileWriting: while versions follow one another, no start goes by
// a version older than the one that was complete when it began.
func TestStartsWhileWriting(t *testing.T) {
	n := newNode(t)
	path := filepath.Join(n.dir, "a.yaml")
	version := func(i int64) string { return blocks("a", fmt.Sprintf("/bin/%06d", i)) }
	n.write("a.yaml", version(0))
	n.write("b.yaml", blocks("b", "/bin/b"))

	var (
		wg       sync.WaitGroup
		complete atomic.Int64 // the version that is in the file for certain
		answers  atomic.Int64 // starts that went by some version
		over     = make(chan struct{})
	)
	wg.Go(func() {
		defer close(over)
		for i := int64(1); i <= 300 || answers.Load() < 20; i++ {
			var err error
			if i%2 == 0 {
				if err = os.WriteFile(path+".new", []byte(version(i)), 0o644); err == nil {
					err = os.Rename(path+".new", path)
				}
			} else {
				// In place and in one write, so that there is no moment
				// with half a file.
				var fd int
				if fd, err = unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0); err == nil {
					_, err = unix.Pwrite(fd, []byte(version(i)), 0)
					err = errors.Join(err, unix.Close(fd))
				}
			}
			if err != nil {
				t.Error(err)
				return
			}
			complete.Store(i)
		}
	})
	for range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				default:
				}
				least := complete.Load()
				sel, err := n.attempt(web)
				if errors.Is(err, store.ErrStale) {
					if _, err = Build(n.dir, n.index, Options{}); err == nil {
						continue
					}
				}
				if err != nil || len(sel.Rules) != 2 {
					t.Errorf("%+v, %v", sel, err)
					return
				}
				got, err := strconv.ParseInt(strings.TrimPrefix(sel.Rules[0].Object.Name, "/bin/"), 10, 64)
				if err != nil || got < least {
					t.Errorf("version %d, but %d was complete (%v)", got, least, err)
					return
				}
				answers.Add(1)
			}
		})
	}
	wg.Wait()
	n.expect("the last version", fmt.Sprintf("a b: /bin/%06d /bin/b", complete.Load()))
}

// TestFailedBuild leaves what was there.
func TestFailedBuild(t *testing.T) {
	n := newNode(t)
	n.write("a.yaml", blocks("a", "/bin/1"))
	n.expect("good", "a: /bin/1")
	before, err := os.ReadFile(n.index)
	n.must(err)
	n.write("a.yaml", blocks("a", "/bin/2"))
	n.must(os.Mkdir(n.index+".tmp", 0o755)) // in the way of the new one
	if _, err := Build(n.dir, n.index, Options{}); err == nil || !strings.Contains(err.Error(), n.index+".tmp") {
		t.Errorf("%v", err)
	}
	after, err := os.ReadFile(n.index)
	if err != nil || string(before) != string(after) {
		t.Errorf("the old index has changed: %v", err)
	}
	n.stale("no new index")
	n.must(os.Remove(n.index + ".tmp"))
	n.expect("again", "a: /bin/2")
	left, err := os.ReadDir(filepath.Dir(n.index))
	if err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}

	n.index = filepath.Join(n.dir, "a.yaml", "index")
	if _, err := Build(n.dir, n.index, Options{}); err == nil {
		t.Error("an index under a file")
	}
}
