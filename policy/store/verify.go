package store

import (
	"crypto/sha256"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/prearm/prearm/policy/store/internal/format"
	"github.com/prearm/prearm/policy/store/internal/scan"
)

// perThread is the number of files that are worth a further thread.
const perThread = 512

// verify compares every indexed file, the folder among them, with what is
// there; now is the kernel's time before that.
func verify(folder *scan.Folder, index *format.Index, now int64) error {
	n := int(index.Files)
	threads := min(runtime.GOMAXPROCS(0), (n+perThread-1)/perThread)
	var (
		wg      sync.WaitGroup
		stop    atomic.Bool
		answers = make([]error, threads)
	)
	part := func(t int) {
		for i := t * n / threads; i < (t+1)*n/threads && !stop.Load(); i++ {
			if err := same(folder, index, i, now); err != nil {
				answers[t] = err
				stop.Store(true)
				return
			}
		}
	}
	for t := 1; t < threads; t++ {
		wg.Go(func() { part(t) })
	}
	part(0)
	wg.Wait()
	for _, err := range answers {
		if err != nil {
			return err
		}
	}
	return nil
}

// same compares file i of the index with the one that is there.
func same(folder *scan.Folder, index *format.Index, i int, now int64) error {
	was, flags, name, err := index.Identity(i)
	if err != nil {
		return staleIf(err)
	}
	if folder.Stamp(name) != was {
		return stale("%s has changed", display(folder, name))
	}
	if flags&format.Racy == 0 {
		return nil
	}
	// Its times prove nothing.
	sum, err := recordedSum(index, i)
	if err != nil {
		return staleIf(err)
	}
	if sum != [sha256.Size]byte{} && scan.Settled(was, now) {
		return stale("%s was being written when it was indexed", display(folder, name))
	}
	var present [sha256.Size]byte
	if i == 0 {
		present = folder.SumNames()
	} else {
		present = folder.Sum(string(name[:len(name)-1]))
	}
	if present != sum {
		return stale("%s has changed", display(folder, name))
	}
	return nil
}

func display(folder *scan.Folder, name []byte) string {
	if name[0] == scan.Self[0] {
		return folder.Path
	}
	return folder.Path + "/" + string(name[:len(name)-1])
}

// recordedSum is the digest of a racy file's content when it was indexed,
// zero if it could not be read then.
func recordedSum(index *format.Index, i int) (sum [sha256.Size]byte, err error) {
	f, err := index.File(i)
	if err != nil {
		return sum, err
	}
	for e := f.First; e < f.First+f.Count; e++ {
		entry, err := index.Entry(e)
		if err != nil {
			return sum, err
		}
		if entry.Kind != format.Sum {
			continue
		}
		head, _, err := index.Blob(entry)
		if err != nil {
			return sum, err
		}
		if len(head) == len(sum) {
			return [sha256.Size]byte(head), nil
		}
	}
	return sum, nil
}
