package hooks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Claims counts the users of the node's shared objects: a folder for each
// object, a file in it for each container, which says where its bundle is. The
// folder is also the object's lock. It lives below /run, so that a reboot forgets the claims
// together with what they were on.
type Claims struct {
	dir string
}

// ClaimsIn keeps the claims below the node's state folder.
func ClaimsIn(state string) Claims {
	return Claims{filepath.Join(state, "claims")}
}

// safeName says whether s looks like the names of objects and users, which
// are made of digests; anything else is a mistake or an attack.
func safeName(s string) bool {
	if s == "" || len(s) > 128 || s[0] == '-' || s[0] == '_' {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// Hold claims the object for the container of a bundle and calls establish, under the object's
// lock, to have it in place. It calls establish even if others hold the
// object, so that one which has vanished comes back. If establish fails, the
// claim is given up.
func (c Claims) Hold(kind Kind, name, bundle string, establish func() error) (err error) {
	folder, err := c.lock(kind, name, Key(bundle))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	claim := filepath.Join(folder.Name(), Key(bundle))
	if err = os.WriteFile(claim, []byte(bundle), 0o600); err != nil {
		err = fmt.Errorf("claim on %s %s: %w", kind, name, err)
	} else if err = establish(); err == nil {
		return nil
	}
	if gone := os.Remove(claim); gone != nil && !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	_ = os.Remove(folder.Name()) // stays if others hold the object
	return err
}

// Bundles lists the bundles of the containers that hold objects of a kind.
func (c Claims) Bundles(kind Kind) ([]string, error) {
	claims, err := filepath.Glob(filepath.Join(c.dir, string(kind), "*", "*"))
	if err != nil {
		return nil, fmt.Errorf("claims: %w", err)
	}
	var bundles []string
	for _, claim := range claims {
		bundle, err := os.ReadFile(claim)
		if errors.Is(err, os.ErrNotExist) {
			continue // given up meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("claims: %w", err)
		}
		bundles = append(bundles, string(bundle))
	}
	return bundles, nil
}

// Release gives up user's claim and, if it was the last, calls remove under
// the object's lock. Releasing a claim that was never held is no error: the
// object is then removed if nobody else holds it.
func (c Claims) Release(kind Kind, name, user string, remove func() error) (err error) {
	folder, err := c.lock(kind, name, user)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	if err := os.Remove(filepath.Join(folder.Name(), user)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("claim on %s %s: %w", kind, name, err)
	}
	others, err := os.ReadDir(folder.Name())
	if err != nil {
		return fmt.Errorf("claims on %s %s: %w", kind, name, err)
	}
	if len(others) > 0 {
		return nil
	}
	if err := remove(); err != nil {
		return err
	}
	if err := os.Remove(folder.Name()); err != nil {
		return fmt.Errorf("claims on %s %s: %w", kind, name, err)
	}
	return nil
}

// lock gives the object's folder, locked until it is closed. The last user
// removes the folder, so the one that was locked may no longer be the one of
// that name; then the new one is tried.
func (c Claims) lock(kind Kind, name, user string) (*os.File, error) {
	for _, s := range []string{string(kind), name, user} {
		if !safeName(s) {
			return nil, fmt.Errorf("claims: %q is not a name", s)
		}
	}
	parent := filepath.Join(c.dir, string(kind))
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, fmt.Errorf("claims: %w", err)
	}
	path := filepath.Join(parent, name)
	for {
		// MkdirAll would fail on one that exists when it is made, and no longer
		// when it is looked at.
		if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("claims: %w", err)
		}
		f, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("claims: %w", err)
		}
		if err := flock(f); err != nil {
			return nil, errors.Join(fmt.Errorf("claims: lock %s: %w", path, err), f.Close())
		}
		mine, err := f.Stat()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("claims: %w", err), f.Close())
		}
		if now, err := os.Lstat(path); err == nil && os.SameFile(mine, now) {
			return f, nil
		}
		if err := f.Close(); err != nil {
			return nil, fmt.Errorf("claims: %w", err)
		}
	}
}
