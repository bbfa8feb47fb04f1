package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/cmd/prearm/internal/hooksd"
	"github.com/prearm/prearm/cmd/prearm/internal/install"
	"github.com/prearm/prearm/shim/config"
)

// runtimeClass lets pods name the runtime entry.
const runtimeClass = `apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata:
  name: prearm
handler: prearm
`

func newInstall() *cobra.Command {
	var (
		o              install.Options
		act            changer
		byDefault      bool
		printsManifest bool
	)
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Put prearm in place on this node, with an entry for containerd",
		Long: `Install puts the programs below the prefix, an empty policy folder and commented
settings into /etc/prearm, a systemd unit that loads the cgroup programs at boot, and
a runtime entry named prearm into containerd's configuration. What is there already is
left alone, an entry that was written by hand too. A second run changes nothing.

What it changes is recorded, and prearm uninstall restores it byte for byte. containerd
is asked what it makes of its configuration; if anything but the entry would change,
everything is put back.

Running containers notice nothing. The entry counts once containerd is restarted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SilenceUsage = true
			if printsManifest {
				_, err := fmt.Fprint(cmd.OutOrStdout(), runtimeClass)
				return err
			}
			if cmd.Flags().Changed("default-runtime") {
				o.DefaultRuntime = &byDefault
			}
			if o.From == "" {
				self, err := os.Executable()
				if err == nil {
					self, err = filepath.EvalSymlinks(self)
				}
				if err != nil {
					return err
				}
				o.From = filepath.Dir(self)
			}
			if err := act.absolute(&o.From, &o.Root); err != nil {
				return err
			}
			plan, err := install.Install(cmd.Context(), o)
			if err != nil {
				return err
			}
			return act.carryOut(cmd, plan, "prearm is installed")
		},
	}
	f := cmd.Flags()
	act.flags(cmd, &o)
	f.StringVar(&o.Prefix, "prefix", "", "where bin with the programs is (default: /usr for the package's, else /usr/local)")
	f.StringVar(&o.From, "from", "", "the folder that has the programs (default: this program's own)")
	f.BoolVar(&byDefault, "default-runtime", false, "also make it the runtime of pods that name none; stays so until --default-runtime=false")
	f.BoolVar(&printsManifest, "runtime-class", false, "print the RuntimeClass for kubectl apply -f -, and do nothing else")
	return cmd
}

func newUninstall() *cobra.Command {
	var (
		o   install.Options
		act changer
	)
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Undo what install did",
		Long: `Uninstall restores every file that install changed, byte for byte. From a file that
somebody has changed since, only what is prearm's is taken out; if that cannot be told
apart, nothing is changed, and the lines are printed. Policies stay, and settings that
were written by hand. What prearm hook install did for podman is undone too.

While containers run under prearm nothing is done: they need prearm to the end.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SilenceUsage = true
			if err := act.absolute(&o.Root); err != nil {
				return err
			}
			here := o.Root == "/"
			c, err := settings(cmd) // read before they go
			if err != nil {
				return err
			}
			if here && !act.dryRun {
				if err := idle(c); err != nil {
					return err
				}
			}
			plan, err := install.Uninstall(cmd.Context(), o)
			if err != nil {
				return err
			}
			if here {
				if err := act.unhook(cmd); err != nil {
					return err
				}
			}
			if err := act.carryOut(cmd, plan, "prearm is not installed"); err != nil || act.dryRun || !here {
				return err
			}
			return install.Clean(c)
		},
	}
	act.flags(cmd, &o)
	return cmd
}

// idle fails while something runs under prearm, and says what.
func idle(c *config.Config) error {
	var lines strings.Builder
	live, err := install.Live()
	if err != nil {
		return err
	}
	for _, l := range live {
		fmt.Fprintf(&lines, "\n  %v", l)
	}
	if len(live) == 0 { // those with a shim are there by their names
		armed, err := bpf.InUse(c.BPFFS)
		if err != nil {
			return err
		}
		for _, id := range armed {
			fmt.Fprintf(&lines, "\n  a container with network rules, armed as %s", id)
		}
	}
	if lines.Len() == 0 {
		return nil
	}
	return fmt.Errorf("still under prearm, and needing it to the end:%s\nstop these first (kubectl drain, ctr task kill); no file was changed", lines.String())
}

// unhook takes prearm out of podman's hooks: without its program, podman
// could start no container.
func (a *changer) unhook(cmd *cobra.Command) error {
	file, err := hooksd.Open(hooksd.DefaultDir)
	if err != nil || !file.Exists() {
		return nil //nolint:nilerr // somebody else's file
	}
	if !a.dryRun {
		if err := file.Remove(); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "removed %s\n", file.Path)
	return err
}

// changer shows a plan or carries it out.
type changer struct {
	dryRun, restart bool
}

func (a *changer) flags(cmd *cobra.Command, o *install.Options) {
	f := cmd.Flags()
	f.StringVar(&o.Root, "root", "/", "the folder that holds the node's files")
	f.StringVar(&o.Containerd, "containerd-config", install.DefaultConfig, "containerd's configuration file")
	f.BoolVar(&a.dryRun, "dry-run", false, "print what would change, as a diff, and change nothing")
	f.BoolVar(&a.restart, "restart", false, "restart containerd afterwards, if its configuration changed; containers keep running")
}

func (a *changer) absolute(paths ...*string) (err error) {
	for _, path := range paths {
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	return nil
}

// carryOut does the plan and says what it did, or what is left to do.
func (a *changer) carryOut(cmd *cobra.Command, plan *install.Plan, state string) error {
	p := newPrinter(cmd.OutOrStdout())
	changes := plan.Changes()
	if a.dryRun {
		if err := plan.Diff(cmd.OutOrStdout()); err != nil {
			return err
		}
	} else {
		if err := plan.Apply(cmd.Context()); err != nil {
			return err
		}
		for _, c := range changes {
			p.printf("%s %s\n", c.What, c.Path)
		}
	}
	for _, note := range plan.Notes {
		p.printf("%s %s\n", p.paint(yellow, "note:"), note)
	}
	if len(changes) == 0 {
		p.printf("nothing to do: %s\n", state)
	}
	if a.dryRun || p.err != nil {
		return p.err
	}
	return errors.Join(p.err, a.after(cmd.Context(), p, plan))
}

// after has the services read what is new, or says how.
func (a *changer) after(ctx context.Context, p *printer, plan *install.Plan) error {
	var commands []string
	if plan.Reload() {
		commands = append(commands, "systemctl daemon-reload")
	}
	if plan.Restart() {
		commands = append(commands, "systemctl restart containerd")
	}
	if !a.restart {
		if len(commands) > 0 {
			p.printf("to do: %s\n", strings.Join(commands, " && "))
		}
		return p.err
	}
	for _, command := range commands {
		words := strings.Fields(command)
		if out, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", command, err, strings.TrimSpace(string(out)))
		}
		p.printf("done: %s\n", command)
	}
	return p.err
}
