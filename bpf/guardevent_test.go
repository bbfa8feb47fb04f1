package bpf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/image"
	"github.com/prearm/prearm/translate/model"
)

// written is an event as the programs write it.
func written(t *testing.T, e guardEvent, names string) []byte {
	t.Helper()
	e.PathSize = uint32(len(names))
	var raw bytes.Buffer
	if err := binary.Write(&raw, binary.NativeEndian, e); err != nil {
		t.Fatal(err)
	}
	if e.Flags != 0 {
		raw.WriteString(names)
		raw.Write(make([]byte, 1024-len(names))) // what follows is what the ring held before
	}
	return raw.Bytes()
}

func TestGuardEvent(t *testing.T) {
	e, err := decodeGuard(written(t, guardEvent{
		Time: 5, Container: 7, Ruleset: guardDigest{Bytes: digestOf("x")}, Verdict: 3<<32 | 2<<16 | 1<<8, Hook: uint32(GuardOpen), Flags: 1,
		Source: 2, Pid: 10, Tid: 11, Ppid: 9, Uid: 1000, Owner: 1001, Comm: [16]int8{'c', 'a', 't'},
	}, "c\x00b\x00a\x00"))
	if err != nil {
		t.Fatal(err)
	}
	want := GuardEvent{
		Time: 5 * time.Nanosecond, Container: 7, Ruleset: digestOf("x"),
		Verdict: image.Verdict{Action: policy.Block, Reason: model.ByRule, Tier: policy.Namespaced, Rule: 3, Foreign: policy.Block},
		Hook:    GuardOpen, Source: 2, PID: 10, TID: 11, PPID: 9, UID: 1000, Owner: 1001, Comm: "cat", Path: "/a/b/c",
	}
	if e != want {
		t.Errorf("got  %+v\nwant %+v", e, want)
	}
}

func TestGuardEventPaths(t *testing.T) {
	for _, tc := range []struct {
		flags    guardEventFlag
		names    string
		path     string
		detached bool
	}{
		{0, "", "", false},
		{1, "", "/", false},
		{1, "a\x00", "/a", false},
		{1, "f\x00d\x00", "/d/f", false},
		{1 | 2, "f\x00d\x00", "d/f", false},
		{1 | 4, "f\x00d\x00", "d/f", true},
		{1 | 4, "", "", true},
	} {
		e, err := decodeGuard(written(t, guardEvent{Flags: tc.flags}, tc.names))
		if err != nil || e.Path != tc.path || e.Detached != tc.detached {
			t.Errorf("%d, %q: %q, %v, %v", tc.flags, tc.names, e.Path, e.Detached, err)
		}
	}
}

func TestGuardEventNumbers(t *testing.T) {
	k := guardEvent{Hook: uint32(GuardCapable), Number: 13, Family: 2, Type: 1, Protocol: 6}
	e, err := decodeGuard(written(t, k, ""))
	if err != nil || e.Capability != 13 || e.Other != 0 {
		t.Errorf("%+v, %v", e, err)
	}
	k.Hook = uint32(GuardTrace)
	if e, err = decodeGuard(written(t, k, "")); err != nil || e.Capability != 0 || e.Other != 13 {
		t.Errorf("%+v, %v", e, err)
	}
	if e.Family != 2 || e.Type != 1 || e.Protocol != 6 {
		t.Errorf("socket of %+v", e)
	}
}

func TestGuardEventDamaged(t *testing.T) {
	whole := written(t, guardEvent{Flags: 1}, "a\x00")
	for _, raw := range [][]byte{nil, whole[:40], whole[:128]} {
		if e, err := decodeGuard(raw); err == nil {
			t.Errorf("decoded %d bytes: %v", len(raw), e)
		}
	}
}

func TestGuardEventString(t *testing.T) {
	e := GuardEvent{Hook: GuardOpen, Path: "/a\n\x1b[31m", Comm: "\x1b[31m\"b", Verdict: image.Verdict{Action: policy.Block, Reason: model.ByRule, Rule: 3}}
	s := e.String()
	if strings.ContainsAny(s, "\n\x1b") {
		t.Errorf("what programs choose reaches the terminal: %q", s)
	}
	for _, part := range []string{"Block (rule 3) open", `"/a\n\x1b[31m"`} {
		if !strings.Contains(s, part) {
			t.Errorf("%s lacks %s", s, part)
		}
	}
	for hook := range GuardHook(guardGuardHookGUARD_HOOKS) {
		if strings.HasPrefix(hook.String(), "hook ") || hook.String() == "" {
			t.Errorf("hook %d has no name", hook)
		}
	}
}

func TestGuardEventsOfQuietNode(t *testing.T) {
	g := newGuard(t)
	r, err := g.Events(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.SetDeadline(time.Now())
	if e, err := r.Read(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v, %v", e, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := r.Read(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("read after the end: %v", err)
	}
	if lost, err := g.Losses(); err != nil || lost != (Losses{}) {
		t.Errorf("%+v, %v", lost, err)
	}
}
