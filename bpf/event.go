package bpf

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate"
)

// Rule numbers of events that no rule decided.
const (
	RulePosture = -1 // allow-list mode: the posture answered
	RuleMissing = -2 // the container was armed without ruleset
)

// Hook says what the task was doing with the socket.
type Hook uint32

const (
	HookCreate  = Hook(prearmHookHOOK_CREATE)
	HookConnect = Hook(prearmHookHOOK_CONNECT)
	HookSendmsg = Hook(prearmHookHOOK_SENDMSG)
	HookBind    = Hook(prearmHookHOOK_BIND)
)

// String is the hook's name, or its number if the programs are newer.
func (h Hook) String() string {
	switch h {
	case HookCreate:
		return "create"
	case HookConnect:
		return "connect"
	case HookSendmsg:
		return "sendmsg"
	case HookBind:
		return "bind"
	}
	return fmt.Sprintf("hook %d", uint32(h))
}

// Event is one denial or audit hit.
type Event struct {
	Time     time.Duration // since boot, time asleep included (CLOCK_BOOTTIME)
	Cgroup   uint64        // id of the armed cgroup, 0 before it has its ruleset
	Ruleset  Digest        // plan that Rule counts in
	Rule     int           // number of the deciding rule, RulePosture or RuleMissing
	Action   policy.Action // Block or Audit
	Hook     Hook
	Kind     translate.SocketKind
	PID, TID uint32 // in the first pid namespace
	UID      uint32 // in the first user namespace
	Family   int    // AF_INET or AF_INET6
	Type     int    // SOCK_...
	Protocol int    // IPPROTO_...
	// Address is the peer of a connect or sendmsg, the local end of a bind,
	// and zero for a create.
	Address netip.AddrPort
	Comm    string // the thread's name, which the program chooses
}

// String is one line for people. The thread's name is quoted.
func (e Event) String() string {
	by := fmt.Sprintf("rule %d", e.Rule)
	switch e.Rule {
	case RulePosture:
		by = "posture"
	case RuleMissing:
		by = "no ruleset"
	}
	at := ""
	if e.Address.IsValid() {
		at = " " + e.Address.String()
	}
	return fmt.Sprintf("%v %s (%s) %v %v socket family=%d type=%d protocol=%d%s pid=%d tid=%d uid=%d comm=%q cgroup=%d ruleset=%x",
		e.Time, e.Action, by, e.Hook, e.Kind, e.Family, e.Type, e.Protocol, at,
		e.PID, e.TID, e.UID, e.Comm, e.Cgroup, e.Ruleset[:8])
}

// Reader takes events off the node's ring. Two readers share the events, each
// seeing some.
type Reader struct{ ringReader }

// ringReader takes records off a pinned ring.
type ringReader struct {
	ring *ringbuf.Reader
	m    *ebpf.Map
	stop func() bool
}

// Events opens the ring for reading until ctx is done or Close is called.
// Events of containers armed by other versions are not in it.
func (n *Node) Events(ctx context.Context) (*Reader, error) {
	r, err := openRing(ctx, n.pin(mapEvents))
	if err != nil {
		return nil, err
	}
	return &Reader{r}, nil
}

// openRing opens a pinned ring until ctx is done or Close is called.
func openRing(ctx context.Context, pin string) (ringReader, error) {
	m, err := ebpf.LoadPinnedMap(pin, nil)
	if err != nil {
		return ringReader{}, fmt.Errorf("open the event ring: %w", err)
	}
	ring, err := ringbuf.NewReader(m)
	if err != nil {
		return ringReader{}, errors.Join(fmt.Errorf("read the event ring: %w", err), m.Close())
	}
	// The ring's reader returns from a blocked Read when it is closed.
	stop := context.AfterFunc(ctx, func() { _ = ring.Close() })
	return ringReader{ring, m, stop}, nil
}

// Read blocks for the next event. It fails with os.ErrClosed when the reader
// is closed or its context done.
func (r *Reader) Read() (Event, error) {
	raw, err := r.next()
	if err != nil {
		return Event{}, err
	}
	return decode(raw)
}

// next blocks for the next record. It fails with os.ErrClosed when the reader
// is closed or its context done.
func (r *ringReader) next() ([]byte, error) {
	record, err := r.ring.Read()
	if err != nil {
		if errors.Is(err, ringbuf.ErrClosed) {
			err = os.ErrClosed
		}
		return nil, fmt.Errorf("read event: %w", err)
	}
	return record.RawSample, nil
}

// SetDeadline bounds the next reads in time; they fail with
// os.ErrDeadlineExceeded.
func (r *ringReader) SetDeadline(t time.Time) { r.ring.SetDeadline(t) }

// Close ends the reader.
func (r *ringReader) Close() error {
	r.stop()
	return errors.Join(r.ring.Close(), r.m.Close())
}

// Losses are events that were not written because the ring was full.
type Losses struct {
	Audit, Block uint64
}

// Losses counts the events lost since the programs were loaded.
func (n *Node) Losses() (Losses, error) {
	return lossesIn(n.pin(mapLosses), uint32(prearmActionACTION_AUDIT), uint32(prearmActionACTION_BLOCK))
}

// lossesIn sums a pinned map of losses by action.
func lossesIn(pin string, audit, block uint32) (Losses, error) {
	var l Losses
	m, err := ebpf.LoadPinnedMap(pin, nil)
	if err != nil {
		return l, fmt.Errorf("open map %s: %w", pin, err)
	}
	defer m.Close()
	for action, sum := range map[uint32]*uint64{audit: &l.Audit, block: &l.Block} {
		var cpus []uint64
		if err := m.Lookup(action, &cpus); err != nil {
			return l, fmt.Errorf("count lost events: %w", err)
		}
		for _, n := range cpus {
			*sum += n
		}
	}
	return l, nil
}

// withMap opens a pinned map for the time of one call.
func (n *Node) withMap(name string, use func(*ebpf.Map) error) error {
	m, err := ebpf.LoadPinnedMap(n.pin(name), nil)
	if err != nil {
		return fmt.Errorf("open map %s: %w", n.pin(name), err)
	}
	defer m.Close()
	return use(m)
}

// decode reads the kernel's form of an event.
func decode(raw []byte) (Event, error) {
	var k prearmEvent
	if len(raw) < int(unsafe.Sizeof(k)) {
		return Event{}, fmt.Errorf("event of %d bytes, want %d", len(raw), unsafe.Sizeof(k))
	}
	if _, err := binary.Decode(raw, binary.NativeEndian, &k); err != nil {
		return Event{}, fmt.Errorf("decode event: %w", err)
	}
	e := Event{
		Time:     time.Duration(k.Time),
		Cgroup:   k.Cgroup,
		Ruleset:  k.Ruleset.Bytes,
		Rule:     int(k.Rule),
		Action:   policy.Block,
		Hook:     Hook(k.Hook),
		Kind:     translate.SocketKind(k.Kind),
		PID:      k.Pid,
		TID:      k.Tid,
		UID:      k.Uid,
		Family:   int(k.Family),
		Type:     int(k.Type),
		Protocol: int(k.Protocol),
	}
	if k.Action == prearmActionACTION_AUDIT {
		e.Action = policy.Audit
	}
	var address [16]byte
	for i, word := range k.Address {
		binary.NativeEndian.PutUint32(address[4*i:], word)
	}
	switch k.AddressFamily {
	case afInet:
		e.Address = netip.AddrPortFrom(netip.AddrFrom4([4]byte(address[:4])), uint16(k.Port))
	case afInet6:
		e.Address = netip.AddrPortFrom(netip.AddrFrom16(address), uint16(k.Port))
	}
	e.Comm = text(k.Comm[:])
	return e, nil
}

// text is a C string.
func text(chars []int8) string {
	var s strings.Builder
	for _, c := range chars {
		if c == 0 {
			break
		}
		s.WriteByte(byte(c))
	}
	return s.String()
}

// The kernel's numbers of the address families.
const (
	afInet  = 2
	afInet6 = 10
)
