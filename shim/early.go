package shim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/containerd/containerd/runtime/v2/shim"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/store"
	"github.com/prearm/prearm/shim/subject"
)

// containerd calls the shim binary with the action "start" for every
// container, and only then sends Create to the process that serves it. Two
// things that a start waits for are begun in that action, while the serving
// process comes up: containerd is asked who the container is, and the options
// are left in the bundle, from which the serving process knows whose policies
// to check before Create has come. Where there was no start action (a
// container that joins a sandbox of containerd 2), Create does both itself.
const (
	earlyOptions = "prearm-options"
	earlySubject = "prearm-subject"
	earlyError   = "prearm-subject-error" // why there is no answer; Create refuses with it
)

// Start is the start action. Its working directory is the bundle.
func (m shimManager) Start(ctx context.Context, id string, opts shim.StartOpts) (string, error) {
	debug.SetGCPercent(-1) // the process ends before collecting would pay
	if err := leaveOptions(); err != nil {
		return "", fmt.Errorf("prearm: options: %w", err)
	}
	ns, err := namespace(ctx)
	if err != nil {
		return "", fmt.Errorf("prearm: subject: %w", err)
	}
	asked := make(chan error, 1)
	go func() { asked <- leaveSubject(ctx, opts.Address, ns, id) }()
	address, err := m.Manager.Start(ctx, id, opts)
	if left := <-asked; err == nil && left != nil {
		// The serving process is up, and containerd ends it if Create fails.
		err = os.WriteFile(earlyError, []byte(left.Error()), 0o600)
	}
	return address, err
}

// leaveOptions copies the options on stdin into the bundle and gives stdin
// back as it was, for runc's manager reads it too.
func leaveOptions() error {
	data, err := io.ReadAll(io.LimitReader(os.Stdin, 1<<20))
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	os.Stdin = r
	go func() { // more than a pipe holds is written while it is read
		_, _ = io.Copy(w, bytes.NewReader(data))
		_ = w.Close()
	}()
	return os.WriteFile(earlyOptions, data, 0o600)
}

// leaveSubject asks who the container is, and leaves the answer in the bundle
// for Create.
func leaveSubject(ctx context.Context, containerd, ns, id string) error {
	annotations, err := readAnnotations(".")
	if err != nil {
		return err
	}
	who, err := subject.Ask(ctx, subject.Query{Containerd: containerd, Namespace: ns, ID: id, Annotations: annotations})
	if err != nil {
		return err
	}
	data, err := json.Marshal(who)
	if err != nil {
		return err
	}
	return os.WriteFile(earlySubject, data, 0o600)
}

// subjectLeft is the answer that the start action left in the bundle. The
// error matches os.ErrNotExist if there was no such action.
func subjectLeft(bundle string) (who policy.Subject, err error) {
	if why, err := os.ReadFile(filepath.Join(bundle, earlyError)); err == nil {
		return who, errors.New(string(why))
	}
	data, err := os.ReadFile(filepath.Join(bundle, earlySubject))
	if err != nil {
		return who, err
	}
	return who, json.Unmarshal(data, &who)
}

// checkEarly begins the check of the policies that the first container of
// this shim is likely to need. Any error is Create's to find again.
func checkEarly() <-chan *store.Store {
	begun := make(chan *store.Store, 1)
	go func() {
		defer close(begun)
		data, err := os.ReadFile(earlyOptions)
		if err != nil {
			return
		}
		options := &anypb.Any{}
		if err := proto.Unmarshal(data, options); err != nil {
			return
		}
		cfg, _, err := readOptions(options)
		if err != nil {
			return
		}
		if st, err := store.Begin(cfg.Policies, cfg.IndexPath()); err == nil {
			begun <- st
		}
	}()
	return begun
}

// takeEarly gives the store whose check was begun early, if it is that of the
// policies in question and has not been taken.
func (s *service) takeEarly(policies, index string) (*store.Store, error) {
	s.mu.Lock()
	early := s.early
	s.early = nil
	s.mu.Unlock()
	if early == nil {
		return nil, nil
	}
	st := <-early
	if st == nil || st.Is(policies, index) {
		return st, nil
	}
	return nil, st.Close()
}
