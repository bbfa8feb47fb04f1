package bpf

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/prearm/prearm/translate/image"
)

// Names of the guard's maps for events.
const (
	mapGuardEvents = "guard_events"
	mapGuardLosses = "guard_losses"
)

// Numbers of enum guard_action, which no type of the object's says.
const (
	guardBlock = 0
	guardAudit = 1
)

// GuardHook says what the task was about to do.
type GuardHook uint32

const (
	GuardOpen          = GuardHook(guardGuardHookGUARD_OPEN)
	GuardCreate        = GuardHook(guardGuardHookGUARD_CREATE)
	GuardChange        = GuardHook(guardGuardHookGUARD_CHANGE) // truncate, chmod, chown
	GuardRemove        = GuardHook(guardGuardHookGUARD_REMOVE)
	GuardRename        = GuardHook(guardGuardHookGUARD_RENAME)
	GuardLink          = GuardHook(guardGuardHookGUARD_LINK)
	GuardConnect       = GuardHook(guardGuardHookGUARD_CONNECT) // to a unix socket by path
	GuardExec          = GuardHook(guardGuardHookGUARD_EXEC)
	GuardMap           = GuardHook(guardGuardHookGUARD_MAP) // code
	GuardSocket        = GuardHook(guardGuardHookGUARD_SOCKET)
	GuardSocketBind    = GuardHook(guardGuardHookGUARD_SOCKET_BIND)
	GuardSocketConnect = GuardHook(guardGuardHookGUARD_SOCKET_CONNECT)
	GuardSocketListen  = GuardHook(guardGuardHookGUARD_SOCKET_LISTEN)
	GuardSocketAccept  = GuardHook(guardGuardHookGUARD_SOCKET_ACCEPT)
	GuardSocketSend    = GuardHook(guardGuardHookGUARD_SOCKET_SEND)
	GuardSocketReceive = GuardHook(guardGuardHookGUARD_SOCKET_RECEIVE)
	GuardSocketOption  = GuardHook(guardGuardHookGUARD_SOCKET_OPTION)
	GuardCapable       = GuardHook(guardGuardHookGUARD_CAPABLE)
	GuardMount         = GuardHook(guardGuardHookGUARD_MOUNT) // mount(2), whatever its flags
	GuardMoveMount     = GuardHook(guardGuardHookGUARD_MOVE_MOUNT)
	GuardUmount        = GuardHook(guardGuardHookGUARD_UMOUNT)
	GuardPivotRoot     = GuardHook(guardGuardHookGUARD_PIVOT_ROOT)
	GuardRemount       = GuardHook(guardGuardHookGUARD_REMOUNT)     // by fsconfig(2)
	GuardFSConfig      = GuardHook(guardGuardHookGUARD_FSCONFIG)    // a new file system, mounted nowhere yet
	GuardTrace         = GuardHook(guardGuardHookGUARD_TRACE)       // controlling another process
	GuardTraceMe       = GuardHook(guardGuardHookGUARD_TRACEME)     // being controlled by the parent
	GuardTracedExec    = GuardHook(guardGuardHookGUARD_TRACED_EXEC) // taking another source class while tracing or traced
)

// String is the hook's name, or its number if the programs are newer.
func (h GuardHook) String() string {
	names := [...]string{
		GuardOpen:          "open",
		GuardCreate:        "create",
		GuardChange:        "change",
		GuardRemove:        "remove",
		GuardRename:        "rename",
		GuardLink:          "link",
		GuardConnect:       "connect to path",
		GuardExec:          "exec",
		GuardMap:           "map code",
		GuardSocket:        "socket",
		GuardSocketBind:    "bind",
		GuardSocketConnect: "connect",
		GuardSocketListen:  "listen",
		GuardSocketAccept:  "accept",
		GuardSocketSend:    "send",
		GuardSocketReceive: "receive",
		GuardSocketOption:  "socket option",
		GuardCapable:       "capability",
		GuardMount:         "mount",
		GuardMoveMount:     "move_mount",
		GuardUmount:        "umount",
		GuardPivotRoot:     "pivot_root",
		GuardRemount:       "remount",
		GuardFSConfig:      "fsconfig",
		GuardTrace:         "trace",
		GuardTraceMe:       "be traced",
		GuardTracedExec:    "traced exec",
	}
	if int(h) < len(names) {
		return names[h]
	}
	return fmt.Sprintf("hook %d", uint32(h))
}

// onSocket says whether an event of the hook is about a socket.
func (h GuardHook) onSocket() bool { return h >= GuardSocket && h <= GuardSocketOption }

// GuardEvent is one denial or audit hit of the guard.
type GuardEvent struct {
	Time      time.Duration // since boot, time asleep included (CLOCK_BOOTTIME)
	Container uint64        // id of the cgroup that was armed
	// Ruleset is the digest of the image that Verdict is of; zero if the
	// container has none, which blocks.
	Ruleset Digest
	Verdict image.Verdict // Block or Audit
	Hook    GuardHook
	Source  int // the task's source class, as the image counts them

	PID, TID uint32 // in the first pid namespace
	PPID     uint32 // likewise
	UID      uint32 // real, in the first user namespace
	Comm     string // the thread's name, which the program chooses

	// Path is the object's, from the container's root; "" if the event is not
	// about an object with a path. It is for people: a rename at the same
	// time may mix two paths. It does not begin with a slash if the names
	// nearest to the root are missing: because there were more than fit, or,
	// with Detached, because the object is in no tree of mounts.
	Path     string
	Detached bool
	Owner    uint32 // the object's user, in the first user namespace

	Capability int    // number, if Hook is GuardCapable
	Other      uint32 // process traced or tracing, if Hook is GuardTrace, GuardTraceMe or GuardTracedExec

	Family, Type, Protocol int // the socket's: AF_..., SOCK_..., IPPROTO_...
}

// String is one line for people. What programs choose is quoted.
func (e GuardEvent) String() string {
	by := string(e.Verdict.Reason)
	if e.Verdict.Rule >= 0 && e.Verdict.Reason != image.ByMissing {
		by = fmt.Sprintf("%s %d", by, e.Verdict.Rule)
	}
	what := ""
	switch {
	case e.Path != "":
		what = fmt.Sprintf(" %q owner=%d", e.Path, e.Owner)
		if e.Detached {
			what += " detached"
		}
	case e.Hook.onSocket():
		what = fmt.Sprintf(" family=%d type=%d protocol=%d", e.Family, e.Type, e.Protocol)
	case e.Hook == GuardCapable:
		what = fmt.Sprintf(" number=%d", e.Capability)
	case e.Other != 0:
		what = fmt.Sprintf(" other=%d", e.Other)
	}
	return fmt.Sprintf("%v %s (%s) %v%s pid=%d tid=%d ppid=%d uid=%d comm=%q source=%d cgroup=%d ruleset=%x",
		e.Time, e.Verdict.Action, by, e.Hook, what, e.PID, e.TID, e.PPID, e.UID, e.Comm, e.Source, e.Container, e.Ruleset[:8])
}

// GuardReader takes events off a guard's ring. Two readers share the events,
// each seeing some.
type GuardReader struct{ ringReader }

// Events opens the ring of this version for reading until ctx is done or Close
// is called.
func (g *Guard) Events(ctx context.Context) (*GuardReader, error) {
	r, err := openRing(ctx, g.pin(mapGuardEvents))
	if err != nil {
		return nil, err
	}
	return &GuardReader{r}, nil
}

// Read blocks for the next event. It fails with os.ErrClosed when the reader
// is closed or its context done.
func (r *GuardReader) Read() (GuardEvent, error) {
	raw, err := r.next()
	if err != nil {
		return GuardEvent{}, err
	}
	return decodeGuard(raw)
}

// Losses counts the events lost since this version was loaded.
func (g *Guard) Losses() (Losses, error) {
	return lossesIn(g.pin(mapGuardLosses), guardAudit, guardBlock)
}

// decodeGuard reads the kernel's form of an event.
func decodeGuard(raw []byte) (GuardEvent, error) {
	var k guardEvent
	if len(raw) < int(unsafe.Sizeof(k)) {
		return GuardEvent{}, fmt.Errorf("event of %d bytes, want %d", len(raw), unsafe.Sizeof(k))
	}
	n, err := binary.Decode(raw, binary.NativeEndian, &k)
	if err != nil {
		return GuardEvent{}, fmt.Errorf("decode event: %w", err)
	}
	names := raw[n:]
	if int64(k.PathSize) > int64(len(names)) {
		return GuardEvent{}, fmt.Errorf("event with a path of %d bytes, of which %d are there", k.PathSize, len(names))
	}
	e := GuardEvent{
		Time:      time.Duration(k.Time),
		Container: k.Container,
		Ruleset:   k.Ruleset.Bytes,
		Verdict:   image.Decode(k.Verdict),
		Hook:      GuardHook(k.Hook),
		Source:    int(k.Source),
		PID:       k.Pid,
		TID:       k.Tid,
		PPID:      k.Ppid,
		UID:       k.Uid,
		Comm:      text(k.Comm[:]),
		Owner:     k.Owner,
		Family:    int(k.Family),
		Type:      int(k.Type),
		Protocol:  int(k.Protocol),
	}
	switch e.Hook {
	case GuardCapable:
		e.Capability = int(k.Number)
	case GuardTrace, GuardTraceMe, GuardTracedExec:
		e.Other = k.Number
	}
	if flags := k.Flags; flags&guardEventFlagEVENT_PATH != 0 {
		e.Path = pathOf(names[:k.PathSize], flags&(guardEventFlagEVENT_PATH_CUT|guardEventFlagEVENT_PATH_LOST) == 0)
		e.Detached = flags&guardEventFlagEVENT_PATH_LOST != 0
	}
	return e, nil
}

// pathOf turns names round, which come from the object up with a NUL after
// each. A whole path begins at the root.
func pathOf(names []byte, whole bool) string {
	var path strings.Builder
	if whole {
		path.WriteByte('/')
	}
	list := bytes.Split(bytes.TrimSuffix(names, []byte{0}), []byte{0})
	for i, name := range slices.Backward(list) {
		path.Write(name)
		if i > 0 {
			path.WriteByte('/')
		}
	}
	return path.String()
}
