//go:build integration

package integration

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/integration/conformance"
	"github.com/prearm/prearm/translate"
)

// guardLog takes the guard's events while something is done.
type guardLog struct {
	guard  *bpf.Guard
	reader *bpf.GuardReader
	lost   bpf.Losses
	over   atomic.Bool
	read   chan []bpf.GuardEvent
	failed error
}

// guardLog begins to read the events of the node's guard, which is loaded if
// it is not there yet.
func (n *node) guardLog() (*guardLog, error) {
	guard, err := bpf.OpenGuard(n.BPFFS)
	if err != nil {
		return nil, err
	}
	l := &guardLog{guard: guard, read: make(chan []bpf.GuardEvent, 1)}
	if l.lost, err = guard.Losses(); err != nil {
		return nil, err
	}
	if l.reader, err = guard.Events(n.Context()); err != nil {
		return nil, err
	}
	go l.follow()
	return l, nil
}

// follow reads until the ring is empty and nothing more can come.
func (l *guardLog) follow() {
	var events []bpf.GuardEvent
	defer func() { l.read <- events }()
	for {
		over := l.over.Load()
		l.reader.SetDeadline(time.Now().Add(10 * time.Millisecond))
		e, err := l.reader.Read()
		switch {
		case err == nil:
			events = append(events, e)
		case !errors.Is(err, os.ErrDeadlineExceeded):
			l.failed = err
			return
		case over:
			return
		}
	}
}

// end gives the events since the log was begun. One that was lost is an error.
func (l *guardLog) end() ([]bpf.GuardEvent, error) {
	l.over.Store(true)
	events := <-l.read
	lost, err := l.guard.Losses()
	if err == nil && lost != l.lost {
		err = fmt.Errorf("events were lost: %+v, before %+v", lost, l.lost)
	}
	return events, errors.Join(l.failed, err, l.reader.Close())
}

// guardAbout says whether an event of the row's process is of its access, and
// not of how it came to it.
func guardAbout(e bpf.GuardEvent, row conformance.Row) bool {
	switch row.Access.Op {
	case "mount":
		return e.Hook >= bpf.GuardMount && e.Hook <= bpf.GuardFSConfig
	case "socket":
		return e.Hook == bpf.GuardSocket
	case "memfd":
		return e.Hook == bpf.GuardExec && !strings.HasPrefix(e.Path, row.Folder())
	case "capability":
		return e.Hook == bpf.GuardCapable && translate.KnownCapabilities()[e.Capability] == row.Access.Other
	}
	return slices.ContainsFunc(row.Names(), func(object string) bool {
		return e.Path == object || strings.HasPrefix(object, "/proc/self/") && path.Base(e.Path) == path.Base(object)
	})
}
