//go:build integration

package integration

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/integration/attacks"
	"github.com/prearm/prearm/translate"
)

// attacker performs the corpus of attacks.
type attacker struct {
	*node
	kernel  string // its release
	image   string
	attacks []attacks.Attack
	open    map[string]map[string]unix.Errno // how each ended without policies, by kind of container
}

// TestAttacks performs each attack without a policy, where it succeeds, and
// under its policies by each mechanism of this kernel, where it ends as the
// corpus says. With PREARM_ATTACKS set, the outcomes are written to that file,
// for the table.
func TestAttacks(t *testing.T) {
	began := time.Now()
	a := newAttacker(t)
	policies, err := attacks.Policies()
	a.must(err)
	for _, kind := range []string{"", "admin"} {
		a.open[kind], err = a.perform(a.node, kind, Container{Runtime: Runc}, "fresh", a.names(kind))
		a.must(err)
		t.Logf("%d attacks without policies, after %v", len(a.open[kind]), time.Since(began))
	}
	seen := make(attacks.Outcomes)
	for _, enforcer := range enforcers(a.node) {
		seen[enforcer] = make(map[string]attacks.Outcome)
		t.Run(enforcer, func(t *testing.T) {
			if enforcer == translate.EnforcerAppArmor && os.Getenv("PREARM_ATTACKS") == "" {
				leaveTo(t, "6.12")
			}
			n := newNodeBy(t, strings.Replace(enforcer, "none", "auto", 1))
			for _, p := range policies {
				if enforcer == "none" && p.Paths() {
					continue
				}
				t.Run(p.Name, func(t *testing.T) { a.under(n.with(t), p, enforcer, seen[enforcer]) })
				t.Logf("%s by %s, after %v", p.Name, enforcer, time.Since(began))
			}
			if enforcer != "none" {
				t.Run("runtime", func(t *testing.T) { a.runtime(n.with(t)) })
			}
		})
	}
	if file := os.Getenv("PREARM_ATTACKS"); file != "" {
		a.must(seen.Write(file))
	}
}

// enforcers are the mechanisms for paths that the kernel has.
func enforcers(n *node) []string {
	var all []string
	if n.Guard {
		all = append(all, translate.EnforcerBPF)
	}
	if n.AppArmor {
		all = append(all, translate.EnforcerAppArmor)
	}
	if len(all) == 0 {
		all = append(all, "none")
	}
	return all
}

func newAttacker(t *testing.T) *attacker {
	a := &attacker{node: newNode(t), kernel: release(t), open: make(map[string]map[string]unix.Errno)}
	all, err := attacks.Attacks()
	a.must(err)
	a.attacks = slices.DeleteFunc(all, func(x attacks.Attack) bool { return x.Long && !a.Long })
	dir := filepath.Join(a.Scratch, "images/attacks")
	programs := filepath.Join(a.Fixture, "attacks")
	a.must(os.MkdirAll(filepath.Join(dir, "attack"), 0o755))
	a.must(os.Mkdir(filepath.Join(dir, "v"), 0o755))
	a.Cleanup(func() { a.check(os.RemoveAll(dir)) })
	for _, name := range []string{"run", "dynamic", "evil.so"} {
		file := filepath.Join(dir, "attack", name)
		a.must(copyFile(filepath.Join(programs, name), file))
		// Only what one may write can be linked to by root of a user namespace.
		a.must(os.Chmod(file, 0o777))
	}
	if out, err := exec.CommandContext(t.Context(), filepath.Join(programs, "run"), "world", dir).CombinedOutput(); err != nil {
		t.Fatalf("make the world of the attacks: %v: %s", err, out)
	}
	// Layers, the upper first.
	a.image = dir + ":" + filepath.Join(a.Images, "multiubuntu")
	return a
}

// kind is how a policy's container differs from others.
func kind(policy string) string {
	switch policy {
	case "admin", "traced":
		return policy
	}
	return ""
}

// names are the attacks that have a policy of the kind of containers.
func (a *attacker) names(of string) []string {
	var names []string
	for _, x := range a.attacks {
		if slices.ContainsFunc(x.Tries, func(t attacks.Try) bool { return kind(t.Policy) == of }) {
			names = append(names, x.Name)
		}
	}
	return names
}

// under performs the attacks of a policy under it.
func (a *attacker) under(n *node, p attacks.Policy, enforcer string, seen map[string]attacks.Outcome) {
	var names []string
	tries := make(map[string]attacks.Try)
	all := slices.Clone(a.attacks)
	// What succeeds by nature may leave the world another, and comes last.
	slices.SortStableFunc(all, func(x, y attacks.Attack) int {
		last := func(x attacks.Attack) int {
			for _, t := range x.Tries {
				if t.Policy == p.Name && t.Result == attacks.ByNature {
					return 1
				}
			}
			return 0
		}
		return last(x) - last(y)
	})
	for _, x := range all {
		for _, t := range x.Tries {
			if t.Policy == p.Name {
				names = append(names, x.Name)
				tries[x.Name] = t
			}
		}
	}
	if len(names) == 0 {
		return
	}
	n.policy(p.Name, p.Spec())
	got, err := a.perform(n, kind(p.Name), n.Container(""), "bound", names)
	n.must(os.Remove(filepath.Join(n.Policies, p.Name+".yaml")))
	if refusal := new(Refusal); errors.As(err, &refusal) {
		n.Logf("%s: %s", p.Name, refusal.Message())
		for name, try := range tries {
			if id := name + " under " + p.Name; try.Succeeds(enforcer, a.kernel) {
				n.Errorf("%s: it should succeed, and the start is refused", id)
			} else {
				seen[id] = attacks.Refused
			}
		}
		return
	}
	n.must(err)
	for _, x := range all {
		try, ok := tries[x.Name]
		if !ok {
			continue
		}
		without, end := a.without(x, p), got[x.Name]
		id := attacks.ID(x, try)
		n.Logf("%s: %d without, %d under the policy", id, without, end)
		switch want := try.Succeeds(enforcer, a.kernel); {
		case without != 0 && x.Needs != "":
			seen[id] = attacks.Absent
			continue
		case without != 0:
			n.Errorf("%s: without the policy it ends with %v: it proves nothing", id, without)
		case want && end != 0:
			n.Errorf("%s: ends with %v (%d); it should succeed", id, end, end)
		case !want && end == 0:
			n.Errorf("%s: succeeds", id)
		case !want && end != unix.EACCES && end != unix.EPERM:
			n.Errorf("%s: ends with %v (%d), which is no denial", id, end, end)
		}
		seen[id] = attacks.Succeeded
		if end != 0 {
			seen[id] = attacks.WasStopped
		}
	}
}

// without is how an attack ended in a container like the policy's without it.
func (a *attacker) without(x attacks.Attack, p attacks.Policy) unix.Errno {
	if k := kind(p.Name); k == "admin" {
		return a.open[k][x.Name]
	}
	return a.open[""][x.Name]
}

// perform runs attacks in one container and returns how each ended. The error
// is a Refusal if the container is not started.
func (a *attacker) perform(n *node, kind string, c Container, how string, names []string) (map[string]unix.Errno, error) {
	n.Helper()
	c.Namespace, c.Root, c.Privileges = n.Namespace, a.image, true
	c.Args = append([]string{"/attack/run", how}, names...)
	volume := a.volume(n)
	c.Edit = func(s *specs.Spec) { a.edit(s, kind, volume) }
	task, err := n.Create(n.Context(), c)
	if err != nil {
		return nil, err
	}
	defer func() { n.check(task.Delete(n.Context())) }()
	if kind == "admin" {
		defer a.sibling(n, task, volume)()
	}
	n.must(task.Start(n.Context()))
	r, err := task.Wait(n.Context())
	n.must(err)
	n.Logf("%s", r.Stdout)
	ends := make(map[string]unix.Errno)
	for line := range strings.Lines(r.Stdout) {
		words := strings.Fields(line)
		if len(words) != 3 {
			n.Fatalf("the attacks say %q", line)
		}
		errno, err := strconv.Atoi(words[1])
		n.must(err)
		ends[words[0]] = unix.Errno(errno)
	}
	if r.Exit != 0 || len(ends) != len(names) {
		n.Fatalf("%d of %d attacks: ended with %+v", len(ends), len(names), r)
	}
	return ends, nil
}

// edit gives the container what attacks ask for besides a policy.
func (a *attacker) edit(s *specs.Spec, kind, volume string) {
	capabilities := []string{"CAP_DAC_READ_SEARCH"}
	switch kind {
	case "admin":
		capabilities = append(capabilities, "CAP_SYS_ADMIN")
		ids := []specs.LinuxIDMapping{{HostID: 100_000, ContainerID: 0, Size: 65_536}}
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
		s.Linux.UIDMappings, s.Linux.GIDMappings = ids, ids
	case "traced":
		capabilities = append(capabilities, "CAP_SYS_PTRACE")
	}
	for _, set := range []*[]string{&s.Process.Capabilities.Bounding, &s.Process.Capabilities.Effective, &s.Process.Capabilities.Permitted} {
		*set = append(*set, capabilities...)
	}
	// Its own branch of the control groups, which it may write to.
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.CgroupNamespace})
	s.Linux.Sysctl = map[string]string{"net.ipv4.ping_group_range": "0 1000"}
	s.Mounts = append(s.Mounts,
		specs.Mount{Destination: "/v", Type: "bind", Source: volume, Options: []string{"bind", "rw"}},
		specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"nosuid", "noexec", "nodev"}})
}

// volume is a container's /v, not on an overlay: a secret, a directory, and a
// socket on which somebody listens.
func (a *attacker) volume(n *node) string {
	n.Helper()
	dir, err := os.MkdirTemp(n.dir, "volume-")
	n.must(err)
	n.must(os.Chmod(dir, 0o777))
	n.must(os.WriteFile(filepath.Join(dir, "secret"), []byte("secret\n"), 0o666))
	n.must(os.Mkdir(filepath.Join(dir, "vault"), 0o777))
	l, err := (&net.ListenConfig{}).Listen(n.Context(), "unix", filepath.Join(dir, "socket"))
	n.must(err)
	n.Cleanup(func() { n.check(l.Close()) })
	n.must(os.Chmod(filepath.Join(dir, "socket"), 0o777))
	return dir
}

// sibling starts a container without policies in the task's user and pid
// namespaces; what it returns ends it.
func (a *attacker) sibling(n *node, task *Task, volume string) (end func()) {
	n.Helper()
	c := Container{Runtime: Runc, Namespace: n.Namespace, Root: a.image, Privileges: true, Args: []string{"/attack/run", "wait"}}
	c.Edit = func(s *specs.Spec) {
		a.edit(s, "admin", volume)
		for i, ns := range s.Linux.Namespaces {
			switch ns.Type {
			case specs.UserNamespace, specs.PIDNamespace:
				s.Linux.Namespaces[i].Path = fmt.Sprintf("/proc/%d/ns/%s", task.Pid, ns.Type)
			}
		}
	}
	sibling, err := n.Create(n.Context(), c)
	n.must(err)
	n.must(errors.Join(sibling.Start(n.Context())))
	return func() { n.check(sibling.Delete(n.Context())) }
}

// runtime has the runtime's own process, which nothing judges before it
// executes something, execute itself inside the container with a library of
// the attacker's: by a script whose interpreter is /proc/self/exe.
func (a *attacker) runtime(n *node) {
	// What the runtime is linked with is not in the image.
	libraries, err := filepath.Glob("/usr/lib/*/libseccomp.so.2")
	if err != nil || len(libraries) != 1 {
		n.Fatalf("the runtime's library: %q, %v", libraries, err)
	}
	n.must(copyFile(libraries[0], filepath.Join(a.Scratch, "images/attacks/attack/libseccomp.so.2")))
	environment := []string{"LD_PRELOAD=/attack/evil.so", "LD_LIBRARY_PATH=/attack", "EVIL=/w/secret"}
	const stolen = 42 // the library's exit status if it could read the file

	n.policy("secret", "  file:\n    matchPaths:\n    - path: /w/secret")
	c := n.Container(a.image, "/attack/run", "wait")
	open, armed := n.start(c.unprotected()), n.start(c)
	inherit := func(p *specs.Process) { p.Env = append(p.Env, environment...) }
	if r, err := open.Exec(n.Context(), inherit, "/w/again"); err != nil || r.Exit != stolen {
		n.Fatalf("without the policy the runtime ended with %+v, %v", r, err)
	}
	var refusal *Refusal
	if r, err := armed.Exec(n.Context(), inherit, "/w/again"); !errors.As(err, &refusal) {
		n.Errorf("exec'd, the runtime ended with %+v, %v", r, err)
	}
	// What a start has judged is another program when it is executed.
	volume := a.volume(n)
	entry := filepath.Join(volume, "entry")
	c.Args, c.Env = []string{"/v/entry"}, environment
	c.Edit = func(s *specs.Spec) { a.edit(s, "", volume) }
	swapped := func(c Container) Result {
		n.Helper()
		n.must(os.Symlink("/w/bin/ok", entry))
		task, err := n.Create(n.Context(), c)
		n.must(err)
		defer func() { n.check(task.Delete(n.Context())) }()
		n.must(os.Remove(entry))
		n.must(os.Symlink("/w/again", entry))
		n.must(task.Start(n.Context()))
		r, err := task.Wait(n.Context())
		n.must(errors.Join(err, os.Remove(entry)))
		return r
	}
	if r := swapped(c.unprotected()); r.Exit != stolen {
		n.Fatalf("without the policy, started, the runtime ended with %+v", r)
	}
	if r := swapped(c); r.Exit != int(unix.EACCES) {
		n.Errorf("started, the runtime ended with %+v; want it denied to read", r)
	}
}
