package bpf

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cilium/ebpf"
)

// guardPrefix begins the names of the guard's versions, which lie beside those
// of the cgroup programs:
//
//	<dir>/guard-<version>/
//	    guardeds tasks images guard_events guard_losses   the maps
//	    programs/               the pinned attachments of the programs
//	    links/<hash of the container's key>/
//	        id                  a symlink whose text is the quoted key
//	        cgroup              a symlink whose text is the number of its cgroup
//	        ruleset             a symlink whose text is the image's digest
//	        next                the same, while a Swap is under way
const guardPrefix = "guard-"

// Names under a version's directory, beside those in attach.go.
const (
	mapGuardeds = "guardeds"
	mapImages   = "images"
	programsDir = "programs"
	linkCgroup  = "cgroup"
	linkNext    = "next"
)

func isGuard(version string) bool { return strings.HasPrefix(version, guardPrefix) }

// Guard is the guard as it is pinned under one directory: programs at the
// kernel's security hooks, which judge what tasks of armed containers do by
// their container's image. Versions live side by side, each with maps of its
// own. Like a Node, it holds no descriptors.
type Guard struct{ pins }

// OpenGuard opens this release's guard, and loads, attaches and pins it first
// if need be. On error nothing is attached; the error of a program that the
// kernel refuses is an *ebpf.VerifierError.
func OpenGuard(dir string) (*Guard, error) {
	g := &Guard{pins{filepath.Clean(dir), guardVersion()}}
	if err := g.prepare(); err != nil {
		return nil, err
	}
	if g.Ready() {
		return g, nil
	}
	// One process loads, and others that need it wait for that one; but nobody
	// waits with the lock that every start and every end of a container takes.
	unlock, err := g.lockLoading()
	if err != nil {
		return nil, err
	}
	defer unlock()
	if g.Ready() {
		return g, nil
	}
	guard, err := loadedGuard()
	if err != nil {
		return nil, fmt.Errorf("load the guard: %w", err)
	}
	defer guard.Close()
	if err := g.establish(func() error { return g.publish(guard) }); err != nil {
		return nil, err
	}
	return g, nil
}

// PinnedGuard opens what is pinned under dir and loads nothing. It fails with
// ErrNotPinned if no version of the guard is there. With other versions only,
// containers can be disarmed and listed, but not armed.
func PinnedGuard(dir string) (*Guard, error) {
	g := &Guard{pins{filepath.Clean(dir), guardVersion()}}
	if err := g.pinned(); err != nil {
		return nil, err
	}
	return g, nil
}

// GuardOf opens one version of the guard; ErrNotPinned if it is not there.
func GuardOf(dir, version string) (*Guard, error) {
	name, ok := strings.CutPrefix(version, guardPrefix)
	if _, err := hex.DecodeString(name); !ok || err != nil {
		return nil, fmt.Errorf("%.80q is no version of the guard", version)
	}
	g := &Guard{pins{filepath.Clean(dir), version}}
	if err := g.pinned(); err != nil {
		return nil, err
	}
	if !exists(g.dir()) {
		return nil, fmt.Errorf("%s: %w", g.dir(), ErrNotPinned)
	}
	return g, nil
}

// Version names g among the versions side by side.
func (g *Guard) Version() string { return g.version }

// Ready says whether this very version is pinned, so that containers can be
// armed.
func (g *Guard) Ready() bool { return exists(g.dir()) }

// guardVersion names the guard of this build.
func guardVersion() string {
	sum := sha256.Sum256(_GuardBytes)
	return guardPrefix + hex.EncodeToString(sum[:8])
}

// loading is the folder whose lock those have who load a guard.
const loading = building + "loading"

// loadPatience bounds the wait for another process that loads. The verifier
// takes tens of milliseconds for each program, and sixty times that in an
// emulated machine.
const loadPatience = 4 * time.Minute

func (g *Guard) lockLoading() (unlock func(), err error) {
	dir := filepath.Join(g.base, loading)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return lockFolder(dir, loadPatience)
}

// publish attaches and pins this version's guard, all or nothing. The lock is
// held. What other versions have left behind goes.
func (g *Guard) publish(guard *ebpf.Collection) error {
	if err := g.prune(); err != nil {
		return err
	}
	work := filepath.Join(g.base, building+g.version)
	for _, dir := range []string{linksDir, programsDir} {
		if err := os.MkdirAll(filepath.Join(work, dir), 0o700); err != nil {
			return err
		}
	}
	if err := pinGuard(work, guard); err != nil {
		return errors.Join(fmt.Errorf("attach the guard: %w", err), os.RemoveAll(work))
	}
	if err := os.Rename(work, g.dir()); err != nil {
		return errors.Join(fmt.Errorf("publish the guard's pins: %w", err), os.RemoveAll(work))
	}
	return nil
}
