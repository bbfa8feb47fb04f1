package bpf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// building prefixes the name of a version that is not complete yet. (Names in
// a bpffs must not contain dots.)
const building = "new-"

// load loads this version's programs and maps and pins them, all or nothing.
// The lock is held. What other versions have left behind goes.
func (n *Node) load() error {
	if err := n.prune(); err != nil {
		return err
	}
	var objects prearmObjects
	if err := loadPrearmObjects(&objects, nil); err != nil {
		return err
	}
	defer objects.Close()

	work := filepath.Join(n.base, building+n.version)
	if err := os.MkdirAll(filepath.Join(work, linksDir), 0o700); err != nil {
		return err
	}
	pins := map[string]interface{ Pin(string) error }{
		mapContainers: objects.Containers,
		mapRulesets:   objects.Rulesets,
		mapEvents:     objects.Events,
		mapLosses:     objects.Losses,
		"sock_create": objects.SockCreate,
		"connect4":    objects.Connect4,
		"connect6":    objects.Connect6,
		"sendmsg4":    objects.Sendmsg4,
		"sendmsg6":    objects.Sendmsg6,
		"bind4":       objects.Bind4,
		"bind6":       objects.Bind6,
	}
	for name, object := range pins {
		if err := object.Pin(filepath.Join(work, name)); err != nil {
			return errors.Join(fmt.Errorf("pin %s: %w", name, err), os.RemoveAll(work))
		}
	}
	if err := os.Rename(work, n.dir()); err != nil {
		return errors.Join(fmt.Errorf("publish the pins: %w", err), os.RemoveAll(work))
	}
	return nil
}

// prune removes half-built versions, and other versions of this kind that no
// container needs. The lock is held.
func (p *pins) prune() error {
	versions, err := os.ReadDir(p.base)
	if err != nil {
		return err
	}
	for _, v := range versions {
		dir, half := filepath.Join(p.base, v.Name()), strings.HasPrefix(v.Name(), building)
		if v.Name() == p.version || !half && isGuard(v.Name()) != isGuard(p.version) {
			continue
		}
		if !half {
			links, err := os.ReadDir(filepath.Join(dir, linksDir))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if len(links) > 0 {
				continue
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}
