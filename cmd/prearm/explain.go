package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/hooks/host"
	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/store"
	"github.com/prearm/prearm/policy/store/build"
	"github.com/prearm/prearm/shim/config"
	"github.com/prearm/prearm/translate"
)

// Values of explain's --runtime.
const (
	runtimeShim = "shim"
	runtimeHook = "hook"
)

// question is what prearm explain is asked.
type question struct {
	subject    policy.Subject
	labels     []string
	rootfs     string
	policies   string
	hostFile   string
	runtime    string
	enforcer   string
	container  string
	containerd string
	namespace  string // containerd's
	args       []string
}

func newExplain() *cobra.Command {
	var (
		q      question
		output string
	)
	cmd := &cobra.Command{
		Use:   "explain [flags] [-- PROGRAM ARG...]",
		Short: "Say what a container would get: policies, rules, by what they are enforced",
		Long: `Explain says for a container which policies apply to it, by what each of their
rules is enforced on this node, what the enforcement differs in from the rule
(residuals), and whether the container would start; a refused start says so in the
same words.

The container is described by flags, or is one that containerd has (--container).
Paths of policies are resolved in its root file system (--rootfs); without one they
are taken as they are written. With a program, explain also judges that one as the
entrypoint, and prints the lines that an allow-list lacks.

With -o apparmor, seccomp, capabilities or network it prints that part of what the
kernel is told: the AppArmor profile, the filter merged with the container's own, the
capabilities that are dropped, the verdict for each kind of socket.`,
		Example: `  prearm explain --namespace shop --label app=web --rootfs /tmp/web-rootfs -- /bin/web
  prearm explain --container 7e1b --containerd-namespace k8s.io
  prearm explain --namespace shop --label app=web -o apparmor`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output, outputs()...); err != nil {
				return err
			}
			if q.runtime != runtimeShim && q.runtime != runtimeHook {
				return fmt.Errorf("--runtime %s: must be %s or %s", q.runtime, runtimeShim, runtimeHook)
			}
			if len(args) > 0 && cmd.ArgsLenAtDash() != 0 {
				return fmt.Errorf("%q: a program comes after --", args[0])
			}
			if err := q.readLabels(); err != nil {
				return err
			}
			q.args = args
			cmd.SilenceUsage = true
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			if q.enforcer != "" {
				c.Enforcer = q.enforcer
			}
			e, err := explain(cmd.Context(), c, q)
			if err != nil {
				return err
			}
			return e.write(cmd.OutOrStdout(), cmd.ErrOrStderr(), output)
		},
	}
	q.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&q.hostFile, "host", "", "explain for another node, which this file describes as the member host of -o json")
	f.StringVar(&q.runtime, "runtime", runtimeShim, "what starts the container: shim, or hook (podman with prearm hook install)")
	f.StringVar(&q.enforcer, "enforcer", "", "what it were with this setting of enforcer: auto, bpf, apparmor or both (default: as configured)")
	f.StringVarP(&output, "output", "o", "text", strings.Join(outputs(), ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(outputs(), cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
	return cmd
}

func outputs() []string {
	return []string{"text", "json", "apparmor", "seccomp", "capabilities", "network"}
}

// explain does what a start does, up to where the kernel is told.
func explain(ctx context.Context, c *config.Config, q question) (_ *explanation, err error) {
	e := &explanation{Subject: q.subject, config: c}
	subjects, err := lookUp(ctx, e, q)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, subjects.Close()) }()
	selection, err := selectRules(c, q.policies, e.Subject)
	if err != nil {
		return nil, err
	}
	e.Policies = selection.Policies
	e.Posture = postureOf(c.Posture, selection.Posture)
	if e.Host, err = hostOf(c, q.hostFile); err != nil {
		return nil, err
	}
	if q.runtime == runtimeHook {
		e.Host.Hook = true
	}
	if err := e.compile(selection.Rules, subjects.root); err != nil {
		return nil, err
	}
	if err := e.judge(subjects.root, q.args); err != nil {
		return nil, err
	}
	if q.hostFile == "" && e.plan.Guard != nil {
		if err := e.noteMissing(); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// noteMissing says which hooks of the guard this kernel does not have.
func (e *explanation) noteMissing() error {
	hooks, err := bpf.MissingHooks()
	if err == nil && len(hooks) > 0 {
		e.Notes = append(e.Notes, "the guard cannot be loaded, for this kernel lacks hooks of it: "+strings.Join(hooks, ", "))
	}
	return err
}

// postureOf is the node's where the namespace has none of its own.
func postureOf(node, namespace policy.Posture) policy.Posture {
	for _, p := range []struct{ own, node *policy.Action }{
		{&namespace.File, &node.File}, {&namespace.Network, &node.Network}, {&namespace.Capabilities, &node.Capabilities},
	} {
		if *p.own == "" {
			*p.own = *p.node
		}
	}
	return namespace
}

func hostOf(c *config.Config, file string) (translate.Host, error) {
	if file == "" {
		return host.Probe(c), nil
	}
	var h translate.Host
	data, err := os.ReadFile(file)
	if err != nil {
		return h, err
	}
	if err := json.Unmarshal(data, &h); err != nil {
		return h, fmt.Errorf("%s: %w", file, err)
	}
	return h, nil
}

// selectRules asks the node's index, which is brought up to date first; an
// index of another folder, or for a user who may not write the node's, is made
// for this once.
func selectRules(c *config.Config, folder string, subject policy.Subject) (_ store.Selection, err error) {
	index := c.IndexPath()
	if folder == "" {
		folder = c.Policies
	} else {
		index = ""
	}
	s, err := openStore(folder, index)
	if err != nil && (index == "" || errors.Is(err, fs.ErrPermission)) {
		dir, tempErr := os.MkdirTemp("", "prearm-explain-")
		if tempErr != nil {
			return store.Selection{}, tempErr
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		s, err = openStore(folder, filepath.Join(dir, "index"))
	}
	if err != nil {
		return store.Selection{}, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Select(subject)
}

// openStore opens an index and makes it first, if need be. One that was made
// right after a change of the folder holds for moments only, so there is more
// than one attempt.
func openStore(folder, index string) (*store.Store, error) {
	if index == "" {
		return nil, store.ErrStale
	}
	for range 5 {
		s, err := store.Open(folder, index)
		if !errors.Is(err, store.ErrStale) {
			return s, err
		}
		if _, err := build.Build(folder, index, build.Options{}); err != nil {
			return nil, err
		}
	}
	return store.Open(folder, index)
}

// write prints the explanation, or one part of what the kernel is told.
func (e *explanation) write(out, note io.Writer, output string) error {
	switch output {
	case "json":
		return printJSON(out, e)
	case "text":
		return e.print(out)
	}
	text, err := e.artefact(output)
	if err != nil {
		return err
	}
	if text == "" {
		_, err := fmt.Fprintf(note, "nothing: these rules need no %s here\n", output)
		return err
	}
	_, err = io.WriteString(out, text)
	return err
}
