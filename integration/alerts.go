//go:build integration

package integration

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// Kinds of record that the audit log carries, and its group of readers; see
// linux/audit.h.
const (
	auditUserAVC = 1107
	auditAVC     = 1400
	auditReadLog = 1
	auditBuffer  = 32 << 20 // bytes
	auditLongest = 8970 + auditHeader
	auditHeader  = 16 // of a netlink message
	auditSeconds = 30 // that one record may take
)

// Record is what AppArmor wrote to the kernel's audit log of one access.
type Record struct {
	Denied     bool
	Comm       string // the acting thread's name
	Name       string // the object's
	Operation  string
	Capability string
	Text       string // all of it
}

// AuditLog reads AppArmor's records from its opening on. The kernel keeps
// them until they are drained, up to a bound of which Drain tells.
type AuditLog struct {
	fd    int
	marks int
}

// OpenAuditLog needs CAP_AUDIT_READ and CAP_AUDIT_WRITE.
func OpenAuditLog() (_ *AuditLog, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_AUDIT)
	if err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	l := &AuditLog{fd: fd}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, auditBuffer); err != nil {
		return nil, fmt.Errorf("widen the audit log's buffer: %w", err)
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: auditSeconds}); err != nil {
		return nil, fmt.Errorf("bound the reading of the audit log: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: auditReadLog}); err != nil {
		return nil, fmt.Errorf("follow the audit log: %w", err)
	}
	return l, nil
}

// Drain returns what was recorded since the last time, up to now: records are
// written in order, so all of them are there once one of our own is.
func (l *AuditLog) Drain() ([]Record, error) {
	l.marks++
	mark := fmt.Sprintf("prearm-integration-mark-%d.", l.marks)
	message := append(append(make([]byte, auditHeader), mark...), 0)
	binary.NativeEndian.PutUint32(message, uint32(len(message)))
	binary.NativeEndian.PutUint16(message[4:], auditUserAVC)
	binary.NativeEndian.PutUint16(message[6:], unix.NLM_F_REQUEST)
	if err := unix.Sendto(l.fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, fmt.Errorf("mark the audit log: %w", err)
	}
	var records []Record
	buffer := make([]byte, auditLongest)
	for {
		n, _, err := unix.Recvfrom(l.fd, buffer, 0)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil: // ENOBUFS too: what was lost cannot be judged
			return nil, fmt.Errorf("read the audit log: %w", err)
		case n < auditHeader:
			continue
		}
		text := string(bytes.TrimRight(buffer[auditHeader:n], "\x00\n"))
		switch kind := binary.NativeEndian.Uint16(buffer[4:]); {
		case kind == auditUserAVC && strings.Contains(text, mark):
			return records, nil
		case kind == auditAVC && strings.Contains(text, "apparmor="):
			records = append(records, parseRecord(text))
		}
	}
}

// Close ends the reading.
func (l *AuditLog) Close() error { return unix.Close(l.fd) }

func parseRecord(text string) Record {
	return Record{
		Denied:     strings.Contains(text, `apparmor="DENIED"`),
		Comm:       field(text, "comm"),
		Name:       field(text, "name"),
		Operation:  field(text, "operation"),
		Capability: field(text, "capname"),
		Text:       text,
	}
}

var auditFields = regexp.MustCompile(` ([a-z_]+)=(?:"([^"]*)"|(\S+))`)

// field is a record's field; the kernel writes what is not plain in hex.
func field(text, name string) string {
	for _, m := range auditFields.FindAllStringSubmatch(text, -1) {
		if m[1] != name {
			continue
		}
		if plain, err := hex.DecodeString(m[3]); err == nil && m[3] != "" {
			return string(plain)
		}
		return m[2] + m[3]
	}
	return ""
}
