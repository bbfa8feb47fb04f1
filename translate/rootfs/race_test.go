package rootfs

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

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
	swapper.Add(1)
	go func() {
		defer swapper.Done()
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
	}()
	found := 0
	for range 1000 {
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
	close(stop)
	swapper.Wait()
	if found == 0 {
		t.Error("the file inside was never found")
	}
}
