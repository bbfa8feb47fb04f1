package bpf

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Names under a version's directory.
const (
	mapContainers = "containers"
	mapRulesets   = "rulesets"
	mapEvents     = "events"
	mapLosses     = "losses"
	linksDir      = "links"
	linkID        = "id"
	linkRuleset   = "ruleset"
)

// maxID bounds the length of a container's ID, in bytes: quoted, it must fit
// into a symlink.
const maxID = 512

// hook is a program and where it goes.
type hook struct {
	program string // also the name of its pins
	attach  ebpf.AttachType
}

func allHooks() []hook {
	return []hook{
		{"sock_create", ebpf.AttachCGroupInetSockCreate},
		{"connect4", ebpf.AttachCGroupInet4Connect},
		{"connect6", ebpf.AttachCGroupInet6Connect},
		{"sendmsg4", ebpf.AttachCGroupUDP4Sendmsg},
		{"sendmsg6", ebpf.AttachCGroupUDP6Sendmsg},
		{"bind4", ebpf.AttachCGroupInet4Bind},
		{"bind6", ebpf.AttachCGroupInet6Bind},
	}
}

// Attach arms the cgroup v2 directory of container id with the ruleset of
// digest, which must have been put before (ErrNoRuleset; put it again then:
// the last container that used it may have gone meanwhile). On return the
// rules are in force for every process of the cgroup and of those below, and
// stay so until Detach or until the cgroup is gone. On error nothing is left.
//
// ErrAttached: id is armed already. ErrCgroup: the cgroup also holds this
// process or the whole node, so that the rules would not be the container's
// alone.
func (n *Node) Attach(id, cgroupPath string, digest Digest) error {
	if err := n.attach(id, cgroupPath, digest); err != nil {
		return fmt.Errorf("arm container %.80q: %w", id, err)
	}
	return nil
}

func (n *Node) attach(id, cgroupPath string, digest Digest) (err error) {
	if err := checkID(id); err != nil {
		return err
	}
	cgroup, err := unix.Open(cgroupPath, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open cgroup", Path: cgroupPath, Err: err}
	}
	defer unix.Close(cgroup)
	cgroupID, err := checkOwn(cgroup, cgroupPath)
	if err != nil {
		return err
	}
	unlock, err := n.lock()
	if err != nil {
		return err
	}
	defer unlock()
	has, err := n.HasRuleset(digest)
	if err != nil {
		return err
	}
	if !has {
		return fmt.Errorf("%x: %w", digest, ErrNoRuleset)
	}

	dir := n.linkDir(n.version, id)
	if err := os.Mkdir(dir, 0o700); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w; disarm it first", ErrAttached)
	} else if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, unlink(dir))
		}
	}()
	if err := os.Symlink(strconv.QuoteToASCII(id), filepath.Join(dir, linkID)); err != nil {
		return err
	}
	if err := os.Symlink(hex.EncodeToString(digest[:]), filepath.Join(dir, linkRuleset)); err != nil {
		return err
	}
	for _, h := range allHooks() {
		if err := n.attachHook(h, cgroup, filepath.Join(dir, h.program)); err != nil {
			return fmt.Errorf("attach %s to %s: %w", h.program, cgroupPath, err)
		}
	}
	value := prearmContainer{Ruleset: prearmDigest{Bytes: digest}, Cgroup: cgroupID}
	err = withPin(n.pin(mapContainers), func(m int) error {
		return update(m, &cgroupID, &value, ebpf.UpdateExist)
	})
	if err != nil {
		return fmt.Errorf("give %s its ruleset: %w", cgroupPath, err)
	}
	return nil
}

func (n *Node) attachHook(h hook, cgroup int, pin string) error {
	return withPin(n.pin(h.program), func(program int) error {
		l, err := createLink(program, cgroup, h.attach)
		if err != nil {
			return err
		}
		defer unix.Close(l)
		return pinObject(l, pin)
	})
}

// Detach disarms container id, whatever version armed it, and returns when no
// program is attached for it any more. Without such a container it does
// nothing. Its ruleset stays: see DropRuleset.
func (n *Node) Detach(id string) error {
	unlock, err := n.lock()
	if err != nil {
		return err
	}
	defer unlock()
	versions, err := n.versions()
	if err != nil {
		return fmt.Errorf("disarm container %.80q: %w", id, err)
	}
	foreign := false
	for _, v := range versions {
		dir := n.linkDir(v, id)
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := unlink(dir); err != nil {
			return fmt.Errorf("disarm container %.80q: %w", id, err)
		}
		foreign = foreign || v != n.version
	}
	if foreign {
		return n.prune()
	}
	return nil
}

// Links lists the IDs of the containers that are armed, by any version.
func (n *Node) Links() ([]string, error) { return n.ids() }

// ids are those of the containers that any version has links of.
func (p *pins) ids() ([]string, error) {
	versions, err := p.versions()
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, v := range versions {
		dirs, err := os.ReadDir(filepath.Join(p.base, v, linksDir))
		if errors.Is(err, fs.ErrNotExist) {
			continue // pruned meanwhile
		} else if err != nil {
			return nil, err
		}
		for _, d := range dirs {
			text, err := os.Readlink(filepath.Join(p.base, v, linksDir, d.Name(), linkID))
			if errors.Is(err, fs.ErrNotExist) {
				continue // being armed or disarmed
			} else if err != nil {
				return nil, err
			}
			id, err := strconv.Unquote(text)
			if err != nil {
				return nil, fmt.Errorf("%s/%s: not a quoted ID: %w", v, d.Name(), err)
			}
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// versions lists the complete versions on this node, of this kind.
func (p *pins) versions() ([]string, error) {
	entries, err := os.ReadDir(p.base)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), building) && isGuard(e.Name()) == isGuard(p.version) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// linkDir is where the attachments of container id are pinned. The ID is
// hashed, because it comes from outside and may be any text.
func (p *pins) linkDir(version, id string) string {
	sum := sha256.Sum256([]byte(id))
	return filepath.Join(p.base, version, linksDir, hex.EncodeToString(sum[:]))
}

func checkID(id string) error {
	if id == "" || len(id) > maxID {
		return fmt.Errorf("an ID has 1 to %d bytes, not %d", maxID, len(id))
	}
	return nil
}

// unlink removes the attachments pinned under dir, and dir. Since the last
// reference to an attachment is the descriptor opened here and not the pin,
// the kernel detaches at once and not from a work queue.
func unlink(dir string) error {
	for _, h := range allHooks() {
		pin := filepath.Join(dir, h.program)
		err := withPin(pin, func(int) error { return os.Remove(pin) })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.RemoveAll(dir)
}
