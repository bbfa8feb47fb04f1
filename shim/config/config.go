// Package config reads the node's settings: the file /etc/prearm/config.toml,
// and the options that containerd passes for the runtime. A key that is not
// known is an error, so that a mistyped one never leaves a default in force.
package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/prearm/prearm/policy"
)

// DefaultPath is the file that is read if none is named.
const DefaultPath = "/etc/prearm/config.toml"

// Values of OnResidual and OnUnenforceable.
const (
	Warn   = "warn"   // log it and start
	Refuse = "refuse" // do not start
)

// Values of Enforcer: what sees which program of a container does what to
// which path.
const (
	EnforcerAuto     = "auto" // AppArmor where there is one, else the guard
	EnforcerBPF      = "bpf"  // the guard
	EnforcerAppArmor = "apparmor"
	EnforcerBoth     = "both"
)

// Config is the node's settings. Folders are absolute, clean paths, none of
// them within another's.
type Config struct {
	Policies string // the policy folder
	State    string // state of running containers, gone after a reboot
	Cache    string // what may be kept over reboots: the index, compiled profiles
	BPFFS    string // where eBPF objects are pinned; must be in a bpffs

	// Runc is the OCI runtime, as an absolute path; "" leaves the choice to
	// containerd's options.
	Runc   string
	Prearm string // the prearm binary; see PrearmPath
	Hook   string // the prearm-hook binary; see HookPath

	// Posture holds for namespaces whose annotations say nothing.
	Posture policy.Posture

	Enforcer string // one of those above

	// AllowEntrypoint admits an entrypoint that an allow-list leaves out.
	AllowEntrypoint bool
	// OnResidual says what to do with a rule that is enforced but for named
	// residuals, OnUnenforceable with one that is not enforced at all.
	OnResidual      string
	OnUnenforceable string

	LogLevel string // a level of logrus: trace, debug, info, warn, error
}

// Default is what holds when no file says otherwise.
func Default() *Config {
	return &Config{
		Policies:        "/etc/prearm/policies",
		State:           "/run/prearm",
		Cache:           "/var/lib/prearm",
		BPFFS:           "/sys/fs/bpf/prearm",
		Posture:         policy.Posture{File: policy.Block, Network: policy.Block, Capabilities: policy.Block},
		Enforcer:        EnforcerAuto,
		OnResidual:      Warn,
		OnUnenforceable: Refuse,
		LogLevel:        "info",
	}
}

// IndexPath is the file that holds the index of the policy folder. It lies in
// the cache, because the last good version of a policy outlives a reboot.
func (c *Config) IndexPath() string {
	return filepath.Join(c.Cache, "policies.index")
}

// PrearmPath is the prearm binary: as configured, else the one beside the
// running executable.
func (c *Config) PrearmPath() (string, error) {
	return beside(c.Prearm, "prearm")
}

// HookPath is the prearm-hook binary: as configured, else the one beside the
// running executable.
func (c *Config) HookPath() (string, error) {
	return beside(c.Hook, "prearm-hook")
}

func beside(configured, name string) (string, error) {
	if configured != "" {
		return configured, nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding %s beside the running executable: %w", name, err)
	}
	return filepath.Join(filepath.Dir(self), name), nil
}

// Load reads the file at path. With path "" it reads DefaultPath, and a node
// without that file has the defaults; a file that was named must exist.
func Load(path string) (*Config, error) {
	named := path != ""
	if !named {
		path = DefaultPath
	}
	data, err := readBounded(path)
	if !named && errors.Is(err, os.ErrNotExist) {
		return Default(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return Parse(data, path)
}

// Parse reads settings in TOML, over the defaults. The name stands in errors,
// which begin with name:line:column where they have a place.
func Parse(data []byte, name string) (*Config, error) {
	var f file
	if err := decode(data, name, &f); err != nil {
		return nil, err
	}
	c := Default()
	if err := f.over(c); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}
