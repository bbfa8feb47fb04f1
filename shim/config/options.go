package config

import "fmt"

// Runc are the options of containerd's runc runtime, for the runtime's table
// in containerd's config may hold them beside ours.
type Runc struct {
	BinaryName    string
	Root          string
	SystemdCgroup bool
	NoPivotRoot   bool
	NoNewKeyring  bool
	ShimCgroup    string
	IoUid         uint32
	IoGid         uint32
	CriuPath      string
	CriuImagePath string
	CriuWorkPath  string
}

// options is the whole table: runc's keys, ours, and the path of a file that
// ours are read over.
type options struct {
	file
	Runc
	ConfigPath string
}

// FromOptions reads the body of the options table that containerd passes for
// the runtime, in TOML. Ours hold over those of the file that ConfigPath
// names, or else of DefaultPath. A runtime binary in our settings holds over
// BinaryName.
func FromOptions(body string) (*Config, Runc, error) {
	const name = "runtime options"
	var o options
	if err := decode([]byte(body), name, &o); err != nil {
		return nil, Runc{}, err
	}
	if o.ConfigPath != "" {
		if err := checkPath("ConfigPath", o.ConfigPath); err != nil {
			return nil, Runc{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	c, err := Load(o.ConfigPath)
	if err != nil {
		return nil, Runc{}, err
	}
	if err := o.file.over(c); err != nil {
		return nil, Runc{}, fmt.Errorf("%s: %w", name, err)
	}
	if c.Runc != "" {
		o.Runc.BinaryName = c.Runc
	}
	return c, o.Runc, nil
}
