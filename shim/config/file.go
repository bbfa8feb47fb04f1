package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/prearm/prearm/policy"
)

// maxSize bounds a config file, in bytes.
const maxSize = 1 << 20

// file is the form of the settings in TOML; a nil field was not set.
type file struct {
	Policies        *string `toml:"policies"`
	State           *string `toml:"state"`
	Cache           *string `toml:"cache"`
	BPFFS           *string `toml:"bpffs"`
	RuncBinary      *string `toml:"runc"`
	Prearm          *string `toml:"prearm"`
	Hook            *string `toml:"hook"`
	AllowEntrypoint *bool   `toml:"allow_entrypoint"`
	Enforcer        *string `toml:"enforcer"`
	OnResidual      *string `toml:"on_residual"`
	OnUnenforceable *string `toml:"on_unenforceable"`
	LogLevel        *string `toml:"log_level"`
	Posture         struct {
		File         *string `toml:"file"`
		Network      *string `toml:"network"`
		Capabilities *string `toml:"capabilities"`
	} `toml:"posture"`
}

// over checks what is set and puts it over c.
func (f *file) over(c *Config) error {
	for _, p := range []struct {
		key      string
		from     *string
		to       *string
		optional bool // may be set to ""
	}{
		{"policies", f.Policies, &c.Policies, false},
		{"state", f.State, &c.State, false},
		{"cache", f.Cache, &c.Cache, false},
		{"bpffs", f.BPFFS, &c.BPFFS, false},
		{"runc", f.RuncBinary, &c.Runc, true},
		{"prearm", f.Prearm, &c.Prearm, true},
		{"hook", f.Hook, &c.Hook, true},
	} {
		if p.from == nil {
			continue
		}
		if !p.optional || *p.from != "" {
			if err := checkPath(p.key, *p.from); err != nil {
				return err
			}
		}
		*p.to = *p.from
	}
	for _, p := range []struct {
		key  string
		from *string
		to   *policy.Action
	}{
		{"posture.file", f.Posture.File, &c.Posture.File},
		{"posture.network", f.Posture.Network, &c.Posture.Network},
		{"posture.capabilities", f.Posture.Capabilities, &c.Posture.Capabilities},
	} {
		if p.from == nil {
			continue
		}
		switch *p.from {
		case "block":
			*p.to = policy.Block
		case "audit":
			*p.to = policy.Audit
		default:
			return fmt.Errorf("%s is %q; it is \"block\" or \"audit\"", p.key, *p.from)
		}
	}
	for _, p := range []struct {
		key    string
		from   *string
		to     *string
		values []string
	}{
		{"enforcer", f.Enforcer, &c.Enforcer, []string{EnforcerAuto, EnforcerBPF, EnforcerAppArmor, EnforcerBoth}},
		{"on_residual", f.OnResidual, &c.OnResidual, []string{Warn, Refuse}},
		{"on_unenforceable", f.OnUnenforceable, &c.OnUnenforceable, []string{Refuse, Warn}},
		{"log_level", f.LogLevel, &c.LogLevel, []string{"trace", "debug", "info", "warn", "error"}},
	} {
		if p.from == nil {
			continue
		}
		if err := checkOneOf(p.key, *p.from, p.values); err != nil {
			return err
		}
		*p.to = *p.from
	}
	if f.AllowEntrypoint != nil {
		c.AllowEntrypoint = *f.AllowEntrypoint
	}
	return c.checkApart()
}

func checkPath(key, path string) error {
	switch {
	case !filepath.IsAbs(path):
		return fmt.Errorf("%s is %q; it must be an absolute path", key, path)
	case strings.ContainsRune(path, 0):
		return fmt.Errorf("%s is %q; a path has no NUL", key, path)
	case filepath.Clean(path) != path:
		return fmt.Errorf("%s is %q; write it as %q", key, path, filepath.Clean(path))
	case path == "/":
		return fmt.Errorf("%s cannot be the root folder", key)
	}
	return nil
}

func checkOneOf(key, value string, values []string) error {
	for _, v := range values {
		if v == value {
			return nil
		}
	}
	return fmt.Errorf("%s is %q; it is one of %s", key, value, strings.Join(values, ", "))
}

// checkApart keeps the folders out of each other: an index within the policy
// folder, say, would make that folder look changed at every start.
func (c *Config) checkApart() error {
	folders := []struct{ key, path string }{
		{"policies", c.Policies}, {"state", c.State}, {"cache", c.Cache}, {"bpffs", c.BPFFS},
	}
	for i, a := range folders {
		for j, b := range folders {
			if i != j && strings.HasPrefix(b.path+"/", a.path+"/") {
				return fmt.Errorf("%s (%s) lies within %s (%s); give each a folder of its own", b.key, b.path, a.key, a.path)
			}
		}
	}
	return nil
}

// decode reads strict TOML; unknown keys and wrong types are errors with
// their place.
func decode(data []byte, name string, into any) error {
	d := toml.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) {
		var errs []error
		for _, e := range unknown.Errors {
			line, column := e.Position()
			errs = append(errs, fmt.Errorf("%s:%d:%d: unknown key %q", name, line, column, strings.Join(e.Key(), ".")))
		}
		return errors.Join(errs...)
	}
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		line, column := bad.Position()
		return fmt.Errorf("%s:%d:%d: %w", name, line, column, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func readBounded(path string) (_ []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxSize {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxSize)
	}
	return data, nil
}
