package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/prearm/prearm/hooks/host"
	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/shim/config"
	"github.com/prearm/prearm/translate"
)

func newDoctor() *cobra.Command {
	var (
		output  string
		address string
		toml    string
	)
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this node can enforce by what, and what it lacks",
		Long: `Doctor looks at the kernel, the tools, containerd and prearm's own settings, and says
what each is needed for and how to get it. It changes nothing.

The exit code is 1 if something is missing without which no container starts under
prearm. What only some rules need is a warning: containers with such rules are
refused, or start without them if on_unenforceable says so.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			cmd.SilenceUsage = true
			r := examine(cmd.Context(), cmd, address, toml)
			var err error
			if output == "json" {
				err = printJSON(cmd.OutOrStdout(), r)
			} else {
				err = r.print(cmd.OutOrStdout())
			}
			if err == nil && !r.Healthy {
				err = errors.New("containers cannot start under prearm on this node yet")
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVarP(&output, "output", "o", "text", "text or json")
	f.StringVar(&address, "address", "/run/containerd/containerd.sock", "containerd's socket")
	f.StringVar(&toml, "containerd-config", "/etc/containerd/config.toml", "containerd's configuration file")
	return cmd
}

// State is what doctor makes of one thing.
type state string

const (
	good    state = "good"
	warning state = "warning" // some rules need it, or someone should look at it
	missing state = "missing" // no container starts without it
)

// finding is one thing that doctor looked at.
type finding struct {
	Name   string `json:"name"`
	State  state  `json:"state"`
	Found  string `json:"found"`
	Remedy string `json:"remedy,omitempty"` // what to do, unless the state is good
}

// report is the answer of prearm doctor; its JSON form is an interface.
type report struct {
	Healthy  bool           `json:"healthy"`
	Checks   []finding      `json:"checks"`
	Enforced []enforced     `json:"enforced"`
	Host     translate.Host `json:"host"`
}

// enforced says by what plain rules of a class are enforced on this node.
type enforced struct {
	Class policy.Class          `json:"class"`
	By    []translate.Mechanism `json:"by"` // none: such rules are refused
}

func examine(ctx context.Context, cmd *cobra.Command, address, toml string) report {
	c, configured := checkConfig(cmd)
	h := host.Probe(c)
	r := report{Host: h, Enforced: enforcement(h, c.Enforcer)}
	r.Checks = append(r.Checks, checkKernel(h, c)...)
	r.Checks = append(r.Checks, checkTools(ctx, h, c)...)
	r.Checks = append(r.Checks, checkContainerd(ctx, address, toml)...)
	r.Checks = append(r.Checks, configured)
	r.Checks = append(r.Checks, checkPolicies(c)...)
	r.Checks = append(r.Checks, checkContainers(c)...)
	r.Healthy = true
	for _, f := range r.Checks {
		r.Healthy = r.Healthy && f.State != missing
	}
	return r
}

// checkConfig reads the settings; where it cannot, the other checks go by the
// defaults.
func checkConfig(cmd *cobra.Command) (*config.Config, finding) {
	c, err := settings(cmd)
	if err != nil {
		return config.Default(), finding{"configuration", missing, err.Error(), "mend the file; a start reads it too"}
	}
	found := config.DefaultPath + ", or the defaults where there is none"
	if f := cmd.Flag("config"); f != nil && f.Value.String() != "" {
		found = f.Value.String()
	}
	return c, finding{"configuration", good, found, ""}
}

func enforcement(h translate.Host, enforcer string) []enforced {
	var lsm, net, seccomp []translate.Mechanism
	guard, appArmor, _, err := translate.Enforcers(enforcer, h)
	if err != nil {
		return nil // the configuration is at fault, and says so
	}
	if guard && h.Guard {
		lsm = append(lsm, translate.ByGuard)
	}
	if appArmor && h.AppArmor && h.AppArmorParser != "" {
		lsm = append(lsm, translate.ByAppArmor)
	}
	if h.Seccomp {
		seccomp = []translate.Mechanism{translate.BySeccomp}
	}
	switch {
	case guard && h.Guard:
		net = []translate.Mechanism{translate.ByGuard}
	case !guard && h.CgroupBPF:
		net = append([]translate.Mechanism{translate.ByCgroupBPF}, seccomp...)
	}
	return []enforced{
		{policy.Process, lsm},
		{policy.File, lsm},
		{policy.Network, net},
		{policy.Capabilities, []translate.Mechanism{translate.ByCapabilities}},
		{policy.Syscalls, seccomp},
	}
}

func (r report) print(w io.Writer) error {
	p := newPrinter(w)
	rows := [][]string{}
	for _, c := range r.Checks {
		rows = append(rows, []string{string(c.State), c.Name, plain(c.Found)})
	}
	p.table(rows)
	p.heading("Enforced on this node")
	rows = [][]string{}
	for _, e := range r.Enforced {
		by := "nothing: containers with such rules are refused"
		for i, m := range e.By {
			if i == 0 {
				by = string(m)
				continue
			}
			by += ", " + string(m)
		}
		rows = append(rows, []string{string(e.Class), by})
	}
	p.table(rows)
	headed := false
	for _, c := range r.Checks {
		if c.State == good || c.Remedy == "" {
			continue
		}
		if !headed {
			p.heading("To do")
			headed = true
		}
		colour := yellow
		if c.State == missing {
			colour = red
		}
		p.printf("- %s: %s\n", p.paint(colour, c.Name), c.Remedy)
	}
	return p.err
}
