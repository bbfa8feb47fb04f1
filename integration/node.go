//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/translate"
)

// sharedBPFFS is the folder of nodes that share the guard.
const sharedBPFFS = "guarded"

// Node is one set of Prearm's folders and settings, with a containerd
// namespace of its own: what a real node has once, here many times.
type Node struct {
	Namespace string
	Cgroups   string // parent of the containers' cgroups, from the root of a hierarchy
	Policies  string // folders
	State     string
	Cache     string
	BPFFS     string // shared by all nodes that the guard is the daemon's choice for
	Config    string // the config.toml that names them
	Enforcer  string // its setting; prearm's own choice if empty

	daemon *Daemon
	dir    string
}

// NewNode makes the folders; settings are further lines of config.toml.
func (d *Daemon) NewNode(namespace string, settings ...string) (*Node, error) {
	dir := filepath.Join(d.Scratch, "nodes", namespace)
	n := &Node{
		Namespace: namespace,
		Cgroups:   namespace,
		Policies:  filepath.Join(dir, "policies"),
		State:     filepath.Join(dir, "state"),
		Cache:     filepath.Join(dir, "cache"),
		BPFFS:     filepath.Join(d.BPF, strings.ReplaceAll(namespace, ".", "-")), // a bpffs takes no dots
		Config:    filepath.Join(dir, "config.toml"),
		Enforcer:  d.Enforcer,
		daemon:    d,
		dir:       dir,
	}
	if n.Enforcer == translate.EnforcerBPF || n.Enforcer == translate.EnforcerBoth {
		// Loading the guard takes an emulated kernel many seconds.
		n.BPFFS = filepath.Join(d.BPF, sharedBPFFS)
	}
	for _, folder := range []string{n.Policies, n.State, n.Cache} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, fmt.Errorf("make a node's folders: %w", err)
		}
	}
	return n, n.Configure(settings...)
}

// Configure writes config.toml anew. An enforcer among the settings goes before
// the node's.
func (n *Node) Configure(settings ...string) error {
	text := fmt.Sprintf("policies = %q\nstate = %q\ncache = %q\nbpffs = %q\n", n.Policies, n.State, n.Cache, n.BPFFS)
	if n.Enforcer != "" && !slices.ContainsFunc(settings, func(s string) bool { return strings.HasPrefix(s, "enforcer ") }) {
		text += fmt.Sprintf("enforcer = %q\n", n.Enforcer)
	}
	text += strings.Join(settings, "\n") + "\n"
	if err := os.WriteFile(n.Config, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write a node's settings: %w", err)
	}
	return nil
}

// WriteFile puts a file into the policy folder.
func (n *Node) WriteFile(name, text string) error {
	if err := os.WriteFile(filepath.Join(n.Policies, name), []byte(text), 0o644); err != nil {
		return fmt.Errorf("write a policy: %w", err)
	}
	return nil
}

// WritePolicy puts a policy of the node's namespace for app=test in force;
// spec is its specification but for the selector, indented by two. Its system
// call rules are enforced.
func (n *Node) WritePolicy(name, spec string) error {
	return n.WriteFile(name+".yaml", fmt.Sprintf(`apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata:
  name: %s
  namespace: %s
  annotations:
    prearm.dev/syscalls: enforce
spec:
  selector:
    matchLabels:
      app: test
%s
`, name, n.Namespace, strings.Trim(spec, "\n")))
}

// Container is one that the node's policies apply to.
func (n *Node) Container(root string, args ...string) Container {
	return Container{
		Namespace: n.Namespace,
		Root:      root,
		Args:      args,
		Labels:    map[string]string{"app": "test"},
		Config:    n.Config,
	}
}

// Network lists the containers whose cgroups are armed, and the rulesets.
func (n *Node) Network() (armed, rulesets []string, err error) {
	programs, err := bpf.OpenPinned(n.BPFFS)
	if errors.Is(err, bpf.ErrNotPinned) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if armed, err = programs.Links(); err != nil {
		return nil, nil, err
	}
	digests, err := programs.Rulesets()
	for _, digest := range digests {
		rulesets = append(rulesets, fmt.Sprintf("%x", digest))
	}
	return armed, rulesets, err
}

// Guarded lists the containers that the guard holds, and its rulesets.
func (n *Node) Guarded() (containers, rulesets []string, err error) {
	guard, err := bpf.PinnedGuard(n.BPFFS)
	if errors.Is(err, bpf.ErrNotPinned) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if containers, err = guard.Containers(); err != nil || !guard.Ready() {
		return containers, nil, err
	}
	digests, err := guard.Images()
	for _, digest := range digests {
		rulesets = append(rulesets, fmt.Sprintf("%x", digest))
	}
	return containers, rulesets, err
}

// Traces are what is there of the namespace's containers, dead or alive, one
// line each.
func (n *Node) Traces() ([]string, error) {
	var found []string
	var errs []error
	add := func(kind string, names []string, err error) {
		errs = append(errs, err)
		for _, name := range names {
			found = append(found, kind+" "+name)
		}
	}
	bundles := filepath.Join(n.daemon.Scratch, "state/io.containerd.runtime.v2.task", n.Namespace)
	mounts, err := Mounts()
	add("mount", slices.DeleteFunc(mounts, func(at string) bool { return !strings.HasPrefix(at, bundles+"/") }), err)
	cgroups, err := n.cgroups("*")
	add("cgroup", cgroups, err)
	profiles, err := Profiles()
	add("profile", profiles, err)
	armed, rulesets, err := n.Network()
	add("links of", armed, err)
	add("ruleset", rulesets, nil)
	guarded, rulesets, err := n.Guarded()
	add("guard of", guarded, err)
	add("guard's ruleset", rulesets, nil)
	claims, err := Files(filepath.Join(n.State, "claims"))
	add("claim", claims, err)
	left, err := filepath.Glob(filepath.Join(bundles, "*"))
	add("bundle", left, err)
	states, err := filepath.Glob(filepath.Join("/run/containerd/runc", n.Namespace, "*"))
	add("runc's state", states, err)
	shims, err := n.daemon.Shims(n.Namespace)
	add("shim", shims, err)
	return found, errors.Join(errs...)
}

// Remove takes the node away; its containers must be gone. What runc makes for
// a namespace, and leaves, goes too.
func (n *Node) Remove() error {
	errs := []error{os.RemoveAll(n.dir)}
	if filepath.Base(n.BPFFS) != sharedBPFFS {
		errs = append(errs, os.RemoveAll(n.BPFFS))
	}
	cgroups, err := n.cgroups("")
	errs = append(errs, err)
	for _, dir := range append(cgroups, filepath.Join("/run/containerd/runc", n.Namespace)) {
		if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove a node: %w", err)
	}
	return nil
}

// Ctr runs containerd's own client in the node's namespace.
func (n *Node) Ctr(ctx context.Context, args ...string) (Result, error) {
	return n.daemon.Ctr(ctx, append([]string{"--namespace", n.Namespace}, args...)...)
}
