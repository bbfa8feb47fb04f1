package rootfs

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// A directory that has become a link since it was seen is not walked through.
func TestDirectoryBecomesLink(t *testing.T) {
	outside := build(t, tree{"/b/c": "x:#!/outside\n"})
	dir := build(t, tree{"/a/b/c": "x:#!/inside\n", "/link": "-> " + outside})
	r := open(t, dir)
	if res, err := r.Resolve("/a"); err != nil || !res.IsDir {
		t.Fatalf("%+v, %v", res, err)
	}
	must(t, unix.Renameat2(unix.AT_FDCWD, filepath.Join(dir, "a"), unix.AT_FDCWD, filepath.Join(dir, "link"), unix.RENAME_EXCHANGE))
	if interpreter, _, _, err := r.Interpreter("/a/b/c"); err == nil {
		t.Errorf("read %q through what is a link now", interpreter)
	}
	fresh := open(t, dir)
	if res, err := fresh.Resolve("/a/b/c"); err != nil || res.Real != outside+"/b/c" || res.Exists {
		t.Errorf("%+v, %v", res, err)
	}
}

// Someone who swaps a directory for a link while it is being walked does not
// lead the walk out of the root: the file that is found outside has an owner
// that no file inside has.
func TestSwappedDirectory(t *testing.T) {
	const outsider = 4242
	outside := build(t, tree{"/b/c": "#!/outside\n"})
	must(t, os.Chown(filepath.Join(outside, "b/c"), outsider, 0))
	dir := build(t, tree{
		"/a/b/c":    "x:#!/inside\n",
		"/to/b":     "-> ../../../../../../../../../../" + outside + "/b",
		"/absolute": "-> " + outside,
	})
	stop := make(chan struct{})
	var swapper sync.WaitGroup
	defer swapper.Wait()
	defer close(stop)
	swapper.Go(func() {
		from := filepath.Join(dir, "a")
		for other := filepath.Join(dir, "absolute"); ; {
			select {
			case <-stop:
				return
			default:
			}
			if err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, other, unix.RENAME_EXCHANGE); err != nil {
				t.Error(err)
				return
			}
		}
	})
	found := 0
	for range 2000 {
		r, err := New(dir, nil)
		must(t, err)
		// Either answer is right, and so is an error; what is read is not
		// to come from outside.
		if uid, err := r.Owner("/a/b/c"); err == nil {
			found++
			if uid == outsider {
				t.Fatal("the walk left the root")
			}
		}
		if interpreter, _, _, err := r.Interpreter("/a/b/c"); err == nil && strings.Contains(interpreter, "outside") {
			t.Fatal("a file outside the root was read")
		}
		must(t, r.Close())
	}
	if found == 0 {
		t.Error("the file inside was never found")
	}
}
