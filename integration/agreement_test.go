//go:build integration

package integration

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/integration/agreement"
	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/profiles/base"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/model"
)

// TestAgreement gives the processes of a container one random ruleset after
// the other, and compares what they can do with the model. PREARM_AGREEMENT is
// how many, and PREARM_SEED what they are drawn from.
func TestAgreement(t *testing.T) {
	t.Run("guard", func(t *testing.T) {
		if !shared.Guard {
			t.Skip("this kernel takes no programs at its security hooks")
		}
		a := newAgreer(t)
		a.underGuard()
		a.run(60, policy.Process, policy.Process, policy.File, policy.File, policy.Network, policy.Capabilities)
	})
	t.Run("apparmor", func(t *testing.T) {
		if !shared.AppArmor {
			t.Skip("this kernel has no AppArmor")
		}
		if os.Getenv("PREARM_AGREEMENT") == "" {
			leaveTo(t, "6.12")
		}
		a := newAgreer(t)
		a.underAppArmor()
		a.run(4, policy.Process, policy.File)
	})
}

// agreer is a container whose rules change.
type agreer struct {
	*testing.T
	terrain  *agreement.Terrain
	compiler *agreement.Compiler
	cgroup   string
	probers  map[string]*prober // by their executable, those that live through it all
	free     map[string]syscall.Errno
	sources  []string // that rules may have
	// put puts the rules of a case in force for all, and excuse names the
	// declared residual that explains a difference.
	put    func(c *agreement.Case) error
	excuse func(a agreement.Attempt, verdict policy.Action, errno syscall.Errno) string
}

func newAgreer(t *testing.T) *agreer {
	a := &agreer{T: t, probers: make(map[string]*prober), free: make(map[string]syscall.Errno), sources: agreement.Sources()}
	prober := filepath.Join(shared.Fixture, "prober")
	dir, err := os.MkdirTemp(shared.Scratch, "agreement-")
	a.must(err)
	t.Cleanup(func() { a.check(os.RemoveAll(dir)) })
	a.terrain, err = agreement.MakeTerrain(dir, prober, filepath.Join(shared.Fixture, "nothing"))
	a.must(err)
	t.Cleanup(func() { a.check(a.terrain.Close()) })
	a.compiler, err = agreement.NewCompiler(t.TempDir())
	a.must(err)
	t.Cleanup(func() { a.check(a.compiler.Close()) })
	a.cgroup = newCgroup(t)
	proc := filepath.Join(dir, "proc")
	a.must(unix.Mount("proc", proc, "proc", 0, ""))
	t.Cleanup(func() { a.check(unix.Unmount(proc, unix.MNT_DETACH)) })
	first := startProber(t, prober, a.cgroup)
	first.does("enclose", dir, "")
	a.probers[agreement.Prober] = first
	return a
}

func (a *agreer) must(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}

func (a *agreer) check(err error) {
	a.Helper()
	if err != nil {
		a.Error(err)
	}
}

// underGuard arms the container, in which each source has a process, with an
// image that permits everything.
func (a *agreer) underGuard() {
	first := a.probers[agreement.Prober]
	for _, source := range agreement.Sources()[1:] {
		p := startProber(a.T, filepath.Join(shared.Fixture, "prober"), a.cgroup)
		p.does("join", strconv.Itoa(first.pid), "")
		a.probers[source] = p
	}
	dir := filepath.Join(shared.BPF, fmt.Sprintf("agreement-%d", shared.serial.Add(1)))
	guard, err := bpf.OpenGuard(dir)
	a.must(err)
	a.Cleanup(func() { a.check(bpf.Unload(dir)) })
	mount, err := rootMount(first.pid)
	a.must(err)
	user, err := userNS(first.pid)
	a.must(err)
	const key = "agreement"
	var last bpf.Digest
	image := func(c *agreement.Case) (bpf.Digest, error) {
		cells, err := a.compiler.Image(c)
		if err != nil {
			return bpf.Digest{}, err
		}
		sum := sha256.New()
		_ = binary.Write(sum, binary.LittleEndian, cells) // a hash never fails
		digest := bpf.Digest(sum.Sum(nil))
		return digest, guard.PutImage(digest, cells)
	}
	last, err = image(permissive())
	a.must(err)
	a.must(guard.Arm(key, bpf.Container{Cgroup: a.cgroup, RootMount: mount, UserNS: user, Ruleset: last}))
	a.Cleanup(func() { a.check(guard.Disarm(key)) })
	for source, p := range a.probers {
		p.does("become", source, "")
	}
	a.put = func(c *agreement.Case) error {
		digest, err := image(c)
		if err != nil || digest == last {
			return err
		}
		if err := guard.Swap(key, digest); err != nil {
			return err
		}
		old := last
		last = digest
		return guard.DropImage(old)
	}
	a.excuse = func(agreement.Attempt, policy.Action, syscall.Errno) string { return "" }
}

// permissive is rules that deny nothing to anybody here.
func permissive() *agreement.Case {
	return &agreement.Case{
		Posture: policy.Posture{File: policy.Audit, Network: policy.Audit, Capabilities: policy.Audit},
		Rules: []model.Rule{{Tier: policy.Namespaced, Class: policy.File, Action: policy.Audit,
			Object: policy.Object{Kind: policy.Path, Name: "/nowhere"}}},
	}
}

// underAppArmor confines the first process by a profile that is then replaced.
// The others are executed by it, for a label is given by executing; so it is no
// source itself.
func (a *agreer) underAppArmor() {
	a.sources = agreement.Sources()[1:]
	const name = "prearm-agreement"
	features := filepath.Join(a.TempDir(), "features")
	a.must(os.WriteFile(features, []byte(base.Features), 0o600))
	host := translate.Host{AppArmor: true, AppArmorParser: "apparmor_parser", AppArmorABI: "agreement", Seccomp: true, CgroupBPF: true}
	var plan *translate.Plan
	var rules *agreement.Case
	a.put = func(c *agreement.Case) error {
		var err error
		if plan, err = a.compiler.Plan(c, host, translate.EnforcerAppArmor); err != nil {
			return err
		}
		rules = c
		cmd := exec.Command("apparmor_parser", "--config-file=/dev/null", "--policy-features="+features, "--replace", "--skip-cache", "--quiet")
		cmd.Stdin = strings.NewReader(strings.ReplaceAll(plan.AppArmor.Text, plan.AppArmor.Name, name))
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apparmor_parser: %w: %s", err, out)
		}
		return nil
	}
	a.must(a.put(permissive()))
	a.Cleanup(func() {
		a.check(os.WriteFile("/sys/kernel/security/apparmor/.remove", []byte(name), 0))
	})
	a.probers[agreement.Prober].does("become", agreement.Prober, name)
	a.excuse = func(try agreement.Attempt, verdict policy.Action, errno syscall.Errno) string {
		return a.terrain.ExcusedByAppArmor(plan, rules, try, verdict, errno)
	}
}

// run compares that many rulesets.
func (a *agreer) run(count int, classes ...policy.Class) {
	seed := uint64(1)
	if text := os.Getenv("PREARM_AGREEMENT"); text != "" {
		var err error
		count, err = strconv.Atoi(text)
		a.must(err)
	}
	if text := os.Getenv("PREARM_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		a.must(err)
	}
	began, tally := time.Now(), &tallied{excuses: make(map[string]int)}
	a.must(a.put(permissive()))
	cases, tries := make([]*agreement.Case, count), make([][]agreement.Attempt, count)
	for number := range cases {
		var err error
		cases[number], tries[number], err = a.terrain.Draw(seed, uint64(number), a.sources, classes...)
		a.must(err)
		a.measure(tries[number])
		tries[number] = slices.DeleteFunc(tries[number], func(try agreement.Attempt) bool {
			return a.free[freely(try)] == unix.EPERM // which the kernel says before it asks anyone
		})
	}
	a.Logf("%d attempts measured without rules, after %v", len(a.free), time.Since(began))
	for number, c := range cases {
		if err := a.put(c); err != nil {
			tally.refused++
			a.Logf("ruleset %d is refused: %v", number, err)
			continue
		}
		a.compare(number, c, tries[number], tally)
		if a.Failed() && tally.wrong > 20 {
			break
		}
	}
	a.Logf("%d rulesets (%d refused), %d accesses, %d of them denied, in %v", count, tally.refused, tally.accesses, tally.denied, time.Since(began))
	for id, n := range tally.excuses {
		a.Logf("%s explains %d", id, n)
	}
	if count-tally.refused < count*3/4 || tally.denied*20 < tally.accesses || tally.denied*10 > tally.accesses*9 {
		a.Errorf("this shows little")
	}
}

type tallied struct {
	refused, accesses, denied, wrong int
	excuses                          map[string]int
}

// measure finds out how attempts end without rules, those that it does not
// know yet: they are alike for all sources.
func (a *agreer) measure(tries []agreement.Attempt) {
	first := a.probers[agreement.Prober]
	for _, try := range tries {
		if _, known := a.free[freely(try)]; known {
			continue
		}
		errno := first.tries(try.Request())
		if errno == unix.EACCES {
			a.Fatalf("%s: %v without rules", try, errno)
		}
		a.free[freely(try)] = errno
		a.must(a.terrain.Restore(try))
	}
}

// freely is the attempt whoever tries it, and whatever it makes.
func freely(a agreement.Attempt) string {
	dir, name := filepath.Split(a.Object)
	if strings.HasPrefix(name, "fresh") {
		name = "fresh"
	}
	return fmt.Sprintf("%s %s%s %s %d", a.Act, dir, name, strings.SplitN(a.Other, "fresh", 2)[0], a.UID)
}

// compare tries everything, by the processes that have lived before the rules
// and by such as are executed under them.
func (a *agreer) compare(number int, c *agreement.Case, tries []agreement.Attempt, tally *tallied) {
	set := model.New(c.Rules, c.Posture, base.Files()...)
	first := a.probers[agreement.Prober]
	for i, source := range agreement.Sources() {
		p := a.probers[source]
		if executed := source != agreement.Prober && (p == nil || (number+i)%2 == 0); executed {
			try := agreement.Attempt{Act: "as", Object: source, Source: agreement.Prober}
			errno := first.tries(try.Request())
			a.judge(number, c, try, set, errno, 0, tally)
			if errno != 0 {
				continue
			}
			p = first
			for _, try := range tries {
				if try.Source == source {
					a.try(number, c, try, set, p, tally)
				}
			}
			first.tell("end")
			if errno := first.hear(); errno != 0 {
				a.Errorf("ruleset %d: the prober as %s ends with %v", number, source, errno)
			}
			continue
		}
		for _, try := range tries {
			if try.Source == source {
				a.try(number, c, try, set, p, tally)
			}
		}
	}
}

func (a *agreer) try(number int, c *agreement.Case, try agreement.Attempt, set *model.Set, p *prober, tally *tallied) {
	a.judge(number, c, try, set, p.tries(try.Request()), a.free[freely(try)], tally)
	a.must(a.terrain.Restore(try))
}

// judge compares how an attempt ended with the model.
func (a *agreer) judge(number int, c *agreement.Case, try agreement.Attempt, set *model.Set, got, free syscall.Errno, tally *tallied) {
	verdict := a.terrain.Verdict(set, try)
	want := free
	if verdict == policy.Block {
		want = unix.EACCES
		if try.Act == "capability" {
			want = unix.EPERM
		}
		tally.denied++
	}
	tally.accesses++
	if got == want {
		return
	}
	if id := a.excuse(try, verdict, got); id != "" {
		tally.excuses[id]++
		return
	}
	tally.wrong++
	a.Errorf("ruleset %d: %s ends with %v, want %v\n%s", number, try, error(got), error(want), c)
}
