package bpf

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate"
)

// Digest names a plan and its ruleset.
type Digest = [32]byte

// ParseDigest reads a plan's digest, 64 hexadecimal digits.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	if hex.DecodedLen(len(s)) != len(d) {
		return d, fmt.Errorf("digest %.80q: not 64 hexadecimal digits", s)
	}
	if _, err := hex.Decode(d[:], []byte(s)); err != nil {
		return d, fmt.Errorf("digest %q: %w", s, err)
	}
	return d, nil
}

// PutRuleset makes the verdicts of net those of digest, and replaces them if
// there are some.
func (n *Node) PutRuleset(digest Digest, net *translate.Network) error {
	if digest == (Digest{}) {
		return errors.New("put ruleset: the zero digest stands for a container without ruleset")
	}
	ruleset, err := encode(net)
	if err != nil {
		return fmt.Errorf("put ruleset %x: %w", digest, err)
	}
	unlock, err := n.lock()
	if err != nil {
		return err
	}
	defer unlock()
	err = withPin(n.pin(mapRulesets), func(m int) error {
		return update(m, &digest, ruleset, ebpf.UpdateAny)
	})
	if err != nil {
		return fmt.Errorf("put ruleset %x: %w", digest, err)
	}
	return nil
}

// HasRuleset says whether there are verdicts for digest.
func (n *Node) HasRuleset(digest Digest) (bool, error) {
	has := false
	err := withPin(n.pin(mapRulesets), func(m int) error {
		var ruleset prearmRuleset
		err := lookup(m, &digest, &ruleset)
		has = err == nil
		if errors.Is(err, unix.ENOENT) {
			return nil
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("look for ruleset %x: %w", digest, err)
	}
	return has, nil
}

// DropRuleset removes the verdicts of digest from every version; none are
// there is no error. It fails with ErrInUse while a container is armed with
// them. So whoever disarms the last container drops them, and cannot harm
// another that is starting: its Attach comes before, or fails.
func (n *Node) DropRuleset(digest Digest) error {
	unlock, err := n.lock()
	if err != nil {
		return err
	}
	defer unlock()
	versions, err := n.versions()
	if err != nil {
		return fmt.Errorf("drop ruleset %x: %w", digest, err)
	}
	for _, v := range versions {
		if err := n.dropFrom(v, digest); err != nil {
			return fmt.Errorf("drop ruleset %x: %w", digest, err)
		}
	}
	return nil
}

func (n *Node) dropFrom(version string, digest Digest) error {
	dir := filepath.Join(n.base, version, linksDir)
	links, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	want := hex.EncodeToString(digest[:])
	for _, l := range links {
		got, err := os.Readlink(filepath.Join(dir, l.Name(), linkRuleset))
		if errors.Is(err, fs.ErrNotExist) {
			continue // an Attach was interrupted before it came to rulesets
		} else if err != nil {
			return err
		}
		if got == want {
			return ErrInUse
		}
	}
	return withPin(filepath.Join(n.base, version, mapRulesets), func(m int) error {
		if err := remove(m, &digest); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
		return nil
	})
}

// Rulesets lists the digests that have verdicts, in no order.
func (n *Node) Rulesets() ([]Digest, error) {
	var all []Digest
	err := n.withMap(mapRulesets, func(m *ebpf.Map) error {
		var digest Digest
		var ruleset prearmRuleset
		entries := m.Iterate()
		for entries.Next(&digest, &ruleset) {
			all = append(all, digest)
		}
		return entries.Err()
	})
	return all, err
}

// encode is the kernel's form of net.
func encode(net *translate.Network) (*prearmRuleset, error) {
	if net == nil {
		return nil, errors.New("the plan has no network part")
	}
	var r prearmRuleset
	for kind, v := range net.Verdicts {
		if v.Rule < -1 || v.Rule > math.MaxInt32 {
			return nil, fmt.Errorf("%v: rule number %d is out of range", translate.SocketKind(kind), v.Rule)
		}
		r.Verdicts[kind].Rule = int32(v.Rule)
		switch v.Action {
		case "", policy.Allow:
			r.Verdicts[kind].Action = prearmActionACTION_PERMIT
		case policy.Audit:
			r.Verdicts[kind].Action = prearmActionACTION_AUDIT
		case policy.Block:
			r.Verdicts[kind].Action = prearmActionACTION_BLOCK
		default:
			return nil, fmt.Errorf("%v: unknown action %q", translate.SocketKind(kind), v.Action)
		}
	}
	return &r, nil
}
