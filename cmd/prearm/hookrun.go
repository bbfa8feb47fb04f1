package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/syslog"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/spf13/cobra"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/cmd/prearm/internal/podman"
	"github.com/prearm/prearm/hooks"
	"github.com/prearm/prearm/hooks/host"
	"github.com/prearm/prearm/hooks/image"
	"github.com/prearm/prearm/hooks/oci"
	"github.com/prearm/prearm/hooks/undo"
	"github.com/prearm/prearm/shim/config"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/rootfs"
)

// hookTimeout is how many seconds a container's start waits for the hook.
const hookTimeout = 30

// maxWhy is how many reasons a refused start gives.
const maxWhy = 10

// maxSpec bounds a container's config.json.
const maxSpec = 16 << 20

func newHookRun() *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Be the hook: the OCI runtime calls this, with the container's state on stdin",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SilenceUsage, cmd.SilenceErrors = true, true
			err := runHook(cmd)
			if err != nil { // runc passes it on to who started the container
				cmd.PrintErrf("prearm: %v\n", err)
			}
			return err
		},
	}
}

func runHook(cmd *cobra.Command) error {
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	state, err := oci.ReadState(cmd.InOrStdin())
	if err != nil {
		return err
	}
	h := hooked(c, state.Bundle)
	if state.Status == specs.StateStopped {
		return h.end()
	}
	err = h.start(state)
	if err != nil {
		warn(fmt.Sprintf("container %s is not started: %v", state.ID, err)) // crun tells nobody
	}
	return err
}

// start puts the rules in force that apply to the container, or fails.
func (h *hookedContainer) start(state *specs.State) (err error) {
	if state.Pid <= 0 {
		return fmt.Errorf("OCI state has no pid for container %s, which is %s", state.ID, state.Status)
	}
	if err := h.end(); err != nil { // of an earlier run, which nobody told us of
		return err
	}
	sweep(h.config)
	e, err := explainHooked(h.config, state)
	if err != nil || len(e.plan.Rules) == 0 {
		return err
	}
	if !e.Starts {
		return fmt.Errorf("judge: %s", strings.Join(e.why(maxWhy), "; "))
	}
	if unenforced := e.plan.Unenforced(); len(unenforced) > 0 {
		warn(fmt.Sprintf("container %s starts without %s: a hook cannot enforce them", state.ID, strings.Join(unenforced, "; ")))
	}
	if e.plan.Network == nil && e.plan.Guard == nil {
		return nil
	}
	return h.arm(state, e)
}

// explainHooked says what the container gets, as prearm explain does.
func explainHooked(c *config.Config, state *specs.State) (_ *explanation, err error) {
	spec, err := bundleSpec(state.Bundle)
	if err != nil {
		return nil, err
	}
	e := &explanation{config: c, spec: spec, Host: host.Probe(c)}
	e.Host.Hook = true
	if e.Subject, err = podman.Subject(state.Bundle, state.ID, spec); err != nil {
		return nil, fmt.Errorf("subject: %w", err)
	}
	selection, err := selectRules(c, "", e.Subject)
	if err != nil {
		return nil, fmt.Errorf("select: %w", err)
	}
	e.Policies, e.Posture = selection.Policies, postureOf(c.Posture, selection.Posture)
	// Everything is mounted by now, so the mounts need not be foreseen.
	root, err := rootfs.New(fmt.Sprintf("/proc/%d/root%s", state.Pid, spec.Root.Path), nil)
	if err != nil {
		return nil, fmt.Errorf("root file system: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if err := e.compile(selection.Rules, root); err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	if err := e.judge(root, nil); err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	return e, nil
}

// why are the first reasons for which such a container does not start.
func (e *explanation) why(most int) []string {
	var words []string
	for _, r := range e.Refusals {
		words = append(words, r.String())
	}
	words = append(words, e.Failures...)
	if left := len(words) - most; left > 0 {
		words = append(words[:most], fmt.Sprintf("and %d more, which prearm explain --runtime hook lists", left))
	}
	return words
}

// bundleSpec is the bundle's config.json, with an absolute path of its root.
func bundleSpec(bundle string) (_ *specs.Spec, err error) {
	f, err := os.Open(filepath.Join(bundle, "config.json"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var spec specs.Spec
	if err := json.NewDecoder(io.LimitReader(f, maxSpec)).Decode(&spec); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	if spec.Process == nil || spec.Root == nil || spec.Linux == nil {
		return nil, fmt.Errorf("%s: a Linux container needs process, root and linux", f.Name())
	}
	if !filepath.IsAbs(spec.Root.Path) {
		spec.Root.Path = filepath.Join(bundle, spec.Root.Path)
	}
	// A link of the host's would lead elsewhere in the container's mounts.
	spec.Root.Path, err = filepath.EvalSymlinks(spec.Root.Path)
	return &spec, err
}

// warn puts a line into the node's log. That there may be none is no reason to
// refuse a start.
func warn(text string) {
	if log, err := syslog.New(syslog.LOG_WARNING|syslog.LOG_DAEMON, "prearm"); err == nil {
		_ = log.Warning(text)
		_ = log.Close()
	}
}

// hookedContainer is a container with its folder in the node's state. The
// engine's own bundle may go before the hook is told of the container's end.
type hookedContainer struct {
	config *config.Config
	folder string // takes the place of the bundle
	cgroup string // a link to the container's cgroup; made before the folder, removed after it
}

const hookedFolder = "hooked"

func hooked(c *config.Config, bundle string) *hookedContainer {
	folder := filepath.Join(c.State, hookedFolder, hooks.Key(bundle))
	return &hookedContainer{config: c, folder: folder, cgroup: folder + ".cgroup"}
}

// arm puts the plan on the container's cgroup; if that fails, nothing of it
// stays.
func (h *hookedContainer) arm(state *specs.State, e *explanation) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, h.end())
		}
	}()
	cgroup, err := bpf.CgroupOf(state.Pid)
	if err != nil {
		return fmt.Errorf("the container's cgroup: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(h.folder), 0o700); err != nil {
		return err
	}
	if err := os.Symlink(cgroup, h.cgroup); err != nil {
		return err
	}
	if err := os.Mkdir(h.folder, 0o700); err != nil {
		return err
	}
	b, err := hooks.Create(h.folder)
	if err != nil {
		return err
	}
	order := &hooks.Order{
		Container: hooks.Key(h.folder),
		ID:        state.ID,
		Digest:    e.plan.Digest,
		Rootfs:    e.spec.Root.Path,
		Network:   e.plan.Network,
		State:     h.config.State,
		Cache:     h.config.Cache,
		BPFFS:     h.config.BPFFS,
	}
	err = b.WriteOrder(order)
	if err == nil && e.plan.Guard != nil {
		err = h.putImage(b, order, e.plan)
	}
	if err == nil {
		err = oci.CreateRuntime(b, state.Pid)
	}
	return errors.Join(err, b.Close())
}

// putImage brings the guard's ruleset into the kernel, and the guard itself if
// it is not there.
func (h *hookedContainer) putImage(b *hooks.Bundle, order *hooks.Order, plan *translate.Plan) error {
	guard, err := bpf.OpenGuard(h.config.BPFFS)
	if err != nil {
		return err
	}
	if order.Guard, err = image.Put(b, order, plan, guard); err != nil {
		return err
	}
	order.Guard.AdmitFirst = h.config.AllowEntrypoint
	return b.WriteOrder(order)
}

// end takes back what start did. It accepts a container for which nothing was
// done.
func (h *hookedContainer) end() error {
	if err := undo.Container(h.folder); err != nil {
		return fmt.Errorf("undo: %w", err)
	}
	if err := os.RemoveAll(h.folder); err != nil {
		return err
	}
	if err := os.Remove(h.cgroup); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// sweep ends containers whose end no hook was told of: those without a cgroup.
// One that cannot be ended stays for the next time; it holds nobody.
func sweep(c *config.Config) {
	links, err := filepath.Glob(filepath.Join(c.State, hookedFolder, "*.cgroup"))
	if err != nil {
		warn(err.Error())
	}
	for _, link := range links {
		if _, err := os.Stat(link); !errors.Is(err, os.ErrNotExist) {
			continue
		}
		h := &hookedContainer{config: c, folder: strings.TrimSuffix(link, ".cgroup"), cgroup: link}
		if err := h.end(); err != nil {
			warn(fmt.Sprintf("a container that has gone: %v", err))
		}
	}
}
