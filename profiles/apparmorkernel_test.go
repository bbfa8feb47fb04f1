//go:build kernel

package profiles

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/rootfs"
)

func addressOf(p *[120]byte) uintptr { return uintptr(unsafe.Pointer(p)) }

// plainRunner runs the parser as it is.
type plainRunner struct{}

func (plainRunner) Run(cmd *exec.Cmd) error {
	out := new(strings.Builder)
	cmd.Stderr = out
	if err := cmd.Run(); err != nil {
		return &exec.Error{Name: out.String(), Err: err}
	}
	return nil
}

// world is the files that acts are about, made anew for each list of acts.
func world(t *testing.T) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.RemoveAll("/tmp/z"))
	must(os.RemoveAll("/tmp/w"))
	for _, dir := range []string{"secret/deep", "secret/empty", "data/deep", "bin", "mnt", `odd "{x}*`} {
		must(os.MkdirAll(filepath.Join("/tmp/w", dir), 0o755))
	}
	for _, file := range []string{"secret/a", "secret/b", "secret/deep/c", "data/a", "data/b", "data/deep/c", "free", `odd "{x}*/f,[g]`} {
		must(os.WriteFile(filepath.Join("/tmp/w", file), []byte(file), 0o644))
	}
	program, err := os.ReadFile("/usr/bin/true")
	must(err)
	for _, name := range []string{"a", "b", "c"} {
		must(os.WriteFile("/tmp/w/bin/"+name, program, 0o755))
	}
	// Copies of this program, which do acts as sources of rules, and a script
	// that one of them interprets.
	if _, err := os.Stat("/tmp/self"); err != nil {
		self, err := os.ReadFile("/proc/self/exe")
		must(err)
		must(os.WriteFile("/tmp/self", self, 0o755))
	}
	for _, name := range []string{"s", "t", "u"} {
		must(os.Link("/tmp/self", "/tmp/w/bin/"+name))
	}
	must(os.WriteFile("/tmp/w/bin/by-s", []byte("#!/tmp/w/bin/s\n"), 0o755))
	must(os.WriteFile("/tmp/w/open", []byte("open"), 0o666))
	must(os.Chmod("/tmp/w/open", 0o666))
	must(os.Mkdir("/tmp/w/shared", 0o777))
	must(os.Chmod("/tmp/w/shared", 0o777))
	must(os.WriteFile("/tmp/w/shared/roots", []byte("roots"), 0o644))
	for _, file := range []string{"/tmp/w/users", "/tmp/w/shared/users"} {
		must(os.WriteFile(file, []byte("users"), 0o644))
		must(os.Chown(file, stranger, stranger))
	}
	must(os.WriteFile("/tmp/w/bin/script", []byte("#!/bin/sh\nexit 0\n"), 0o755))
}

// try performs acts under a profile, as a program, and gives how each ended.
func try(t *testing.T, profile string, tc kernelCase, acts [][]string) []string {
	t.Helper()
	world(t)
	list, err := json.Marshal(acts)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "PREARM_ENTER="+profile, "PREARM_ACTS="+string(list), "PREARM_PROGRAM="+tc.program)
	if tc.nnp {
		cmd.Env = append(cmd.Env, "PREARM_NNP=1")
	}
	stderr := new(strings.Builder)
	cmd.Stderr = stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("under %s: %v: %s", profile, err, stderr)
	}
	var ends []string
	if err := json.Unmarshal(out, &ends); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return ends
}

// kernelRule is "action|class|kind|object|flags and sources".
func kernelRule(text string) policy.Rule {
	words := strings.Split(text, "|")
	r := policy.Rule{Tier: policy.Namespaced, Severity: 1, Address: text, Action: policy.Action(words[0]), Class: policy.Class(words[1])}
	r.Object = policy.Object{Kind: policy.ObjectKind(words[2]), Name: words[3]}
	for _, flag := range words[4:] {
		switch flag {
		case "recursive":
			r.Object.Recursive = true
		case "readOnly":
			r.ReadOnly = true
		case "ownerOnly":
			r.OwnerOnly = true
		case "cluster":
			r.Tier = policy.Cluster
		default:
			r.Sources = append(r.Sources, policy.Source{Path: flag})
		}
	}
	return r
}

func TestKernelAppArmor(t *testing.T) {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		t.Fatal(err)
	}
	kernel := unix.ByteSliceToString(uts.Release[:])
	host := translate.Host{Kernel: kernel, AppArmor: true, AppArmorParser: "apparmor_parser", AppArmorABI: kernel, Seccomp: true, CgroupBPF: true}
	apparmor, err := OpenAppArmor(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	// Without a reader of the audit socket, records go to the kernel's log,
	// which is rate-limited.
	if err := os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("0 0"), 0); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("/proc/sys/kernel/printk_ratelimit", []byte("0"), 0); err != nil {
		t.Fatal(err)
	}
	for _, tc := range kernelCases() {
		t.Run(tc.name, func(t *testing.T) {
			world(t)
			root, err := rootfs.New("/", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			var rules []policy.Rule
			for _, r := range tc.rules {
				rules = append(rules, kernelRule(r))
			}
			if tc.posture == "" {
				tc.posture = policy.Block
			}
			plan, err := translate.Compile(translate.Input{Rules: rules, Host: host, Root: root,
				Posture:         policy.Posture{File: tc.posture, Network: tc.posture, Capabilities: tc.posture},
				NoNewPrivileges: tc.nnp})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range plan.Coverage {
				if c.Unenforceable != "" {
					t.Fatalf("%s: %s", c.Address, c.Unenforceable)
				}
			}
			if err := apparmor.Load(t.Context(), plainRunner{}, *plan.AppArmor); err != nil {
				t.Fatal(err)
			}
			if loaded, err := apparmor.Loaded(plan.AppArmor.Profiles()...); err != nil || !loaded {
				t.Errorf("loaded %v, %v", loaded, err)
			}
			acts := make([][]string, len(tc.acts))
			for i, a := range tc.acts {
				acts[i] = strings.Split(a.act, "|")
			}
			log := openLog(t)
			ends := try(t, plan.AppArmor.Label(tc.program), tc, acts)
			said := log()
			for _, words := range tc.logs {
				if !strings.Contains(said, words) || !strings.Contains(said, plan.AppArmor.Name) {
					t.Errorf("the kernel's log lacks %s:\n%s", words, said)
				}
			}
			for _, words := range tc.quiet {
				if strings.Contains(said, words) {
					t.Errorf("the kernel's log has %s:\n%s", words, said)
				}
			}
			for i, a := range tc.acts {
				if strings.HasPrefix(a.act, "move-tree") && plan.Seccomp != nil && slices.Contains(plan.Seccomp.Syscalls, "move_mount") {
					continue // the filter's to deny
				}
				if ends[i] != a.end {
					t.Errorf("%s: %s, want %s", a.act, ends[i], a.end)
				}
			}
			// Each of them succeeds without the policy.
			for _, a := range tc.acts {
				if a.end != "ok" && a.end != "exit" {
					if free := try(t, "unconfined", tc, [][]string{strings.Split(a.act, "|")}); free[0] != "ok" {
						t.Errorf("without the policy: %s: %s", a.act, free[0])
					}
				}
			}
			if err := apparmor.Remove(plan.AppArmor.Name); err != nil {
				t.Error(err)
			}
			if left, err := apparmor.List(); err != nil || len(left) > 0 {
				t.Errorf("after its removal: %q, %v", left, err)
			}
			if t.Failed() {
				t.Log(plan.AppArmor.Text)
			}
		})
	}
}

// openLog gives what is written to the kernel's log from now on.
func openLog(t *testing.T) func() string {
	t.Helper()
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Seek(fd, 0, unix.SEEK_END); err != nil {
		t.Fatal(err)
	}
	return func() string {
		defer unix.Close(fd)
		var all strings.Builder
		record := make([]byte, 8192)
		for {
			n, err := unix.Read(fd, record)
			switch err {
			case nil:
				all.Write(record[:n])
			case unix.EPIPE: // records were overwritten
			case unix.EAGAIN:
				return all.String()
			default:
				t.Fatal(err)
			}
		}
	}
}

// attempt is an act and how it must end.
type attempt struct{ act, end string }

type kernelCase struct {
	name    string
	posture policy.Action
	program string // whose process acts; one of no source's if none
	nnp     bool   // with no_new_privs
	rules   []string
	acts    []attempt
	logs    []string // what the kernel's log has of it
	quiet   []string // and has not
}

func denied(acts ...string) []attempt  { return ending("EACCES", acts) }
func allowed(acts ...string) []attempt { return ending("ok", acts) }

func ending(end string, acts []string) []attempt {
	var out []attempt
	for _, a := range acts {
		out = append(out, attempt{a, end})
	}
	return out
}

func list(parts ...[]attempt) []attempt {
	var out []attempt
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}
