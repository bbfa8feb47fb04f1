//go:build integration

package integration

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/containerd/fifo"
)

// outputLimit bounds what is kept of one stream.
const outputLimit = 1 << 20

// stdio is the two fifos that a process writes to and what came out of them.
// The reader is there before the process is, so a short one loses nothing.
type stdio struct {
	dir            string
	stdout, stderr *stream
}

type stream struct {
	path string
	pipe io.ReadWriteCloser
	done chan struct{}

	mu   sync.Mutex
	text []byte
	err  error
}

func newStdio(ctx context.Context, dir string) (*stdio, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for fifos: %w", err)
	}
	s := &stdio{dir: dir}
	for name, to := range map[string]**stream{"stdout": &s.stdout, "stderr": &s.stderr} {
		st, err := newStream(ctx, filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		*to = st
	}
	return s, nil
}

func newStream(ctx context.Context, path string) (*stream, error) {
	pipe, err := fifo.OpenFifo(ctx, path, syscall.O_RDONLY|syscall.O_CREAT|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open a fifo: %w", err)
	}
	s := &stream{path: path, pipe: pipe, done: make(chan struct{})}
	go s.read()
	return s, nil
}

func (s *stream) read() {
	defer close(s.done)
	text, err := io.ReadAll(io.LimitReader(s.pipe, outputLimit))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text, s.err = text, err
}

// finish waits until the writers are gone, or closes the fifos if no process
// was ever there to write, and removes them.
func (s *stdio) finish(ctx context.Context, started bool) (stdout, stderr string, err error) {
	for _, st := range []*stream{s.stdout, s.stderr} {
		if started {
			select {
			case <-st.done:
			case <-ctx.Done():
				err = fmt.Errorf("read a container's output: %w", ctx.Err())
			}
		}
		// Closing a fifo that nobody opened for writing ends its reader.
		st.pipe.Close()
		<-st.done
		if st.err != nil && started && err == nil {
			err = fmt.Errorf("read a container's output: %w", st.err)
		}
	}
	if e := os.RemoveAll(s.dir); e != nil && err == nil {
		err = fmt.Errorf("remove fifos: %w", e)
	}
	return string(s.stdout.text), string(s.stderr.text), err
}
