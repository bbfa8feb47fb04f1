package profiles

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/prearm/prearm/translate"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestApply gives plans to whole specs; the files of testdata/spec have the
// plan, the spec before, and after.
func TestApply(t *testing.T) {
	files, err := filepath.Glob("testdata/spec/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			var test struct {
				Plan   translate.Plan  `json:"plan"`
				Before json.RawMessage `json:"before"`
				After  json.RawMessage `json:"after"`
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &test); err != nil {
				t.Fatal(err)
			}
			var spec, before specs.Spec
			for _, s := range []*specs.Spec{&spec, &before} {
				if err := json.Unmarshal(test.Before, s); err != nil {
					t.Fatal(err)
				}
			}
			if err := Apply(&spec, &test.Plan, ""); err != nil {
				t.Fatal(err)
			}
			after, err := json.Marshal(&spec)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				updateCase(t, file, data, after)
				return
			}
			var have, want any
			if json.Unmarshal(after, &have) != nil || json.Unmarshal(test.After, &want) != nil || !reflect.DeepEqual(have, want) {
				t.Errorf("%s: after is\n%s", file, after)
			}
			// A plan on top of itself changes nothing more of the process, so
			// that joining a container with its own process is not special.
			again := *spec.Process
			if err := ApplyProcess(&again, &test.Plan, ""); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(again, *spec.Process) {
				t.Errorf("a second time: %+v", again)
			}
		})
	}
}

func updateCase(t *testing.T, file string, data, after []byte) {
	t.Helper()
	var test struct {
		Plan   json.RawMessage `json:"plan"`
		Before json.RawMessage `json:"before"`
		After  json.RawMessage `json:"after"`
	}
	if err := json.Unmarshal(data, &test); err != nil {
		t.Fatal(err)
	}
	test.After = after
	data, err := json.MarshalIndent(&test, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestApplyRefuses(t *testing.T) {
	if err := Apply(&specs.Spec{}, &translate.Plan{}, ""); err == nil {
		t.Error("a spec without process")
	}
	plan := &translate.Plan{AppArmor: &translate.AppArmor{Name: "prearm-0123"}}
	for _, name := range []string{"a\nb", "a\x00b"} {
		if err := ApplyProcess(&specs.Process{ApparmorProfile: name}, plan, ""); err == nil {
			t.Errorf("AppArmor profile %q", name)
		}
	}
}

// TestApplyLeavesTheOriginalAlone: the merged filter shares nothing with the
// one before, which others may hold.
func TestApplyLeavesTheOriginalAlone(t *testing.T) {
	original := func() *specs.LinuxSeccomp {
		return &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Architectures: architectures(), Syscalls: []specs.LinuxSyscall{
			{Names: []string{"execve", "unlink", "socket", "read"}, Action: specs.ActAllow},
		}}
	}
	s := original()
	if _, err := MergeSeccomp(s, translate.Seccomp{Syscalls: []string{"unlink"}, Families: []int{17}}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s, original()) {
		t.Errorf("changed to %+v", s)
	}
}

func TestMergeSeccompRefuses(t *testing.T) {
	x86 := architectures()
	execve := specs.LinuxSyscall{Names: []string{"execve"}, Action: specs.ActAllow}
	rule := func(action specs.LinuxSeccompAction, name string, args ...specs.LinuxSeccompArg) specs.LinuxSyscall {
		return specs.LinuxSyscall{Names: []string{name}, Action: action, Args: args}
	}
	equals := func(v uint64) specs.LinuxSeccompArg { return specs.LinuxSeccompArg{Value: v, Op: specs.OpEqualTo} }
	unlink, packet := translate.Seccomp{Syscalls: []string{"unlink"}}, translate.Seccomp{Families: []int{17}}
	for _, test := range []struct {
		name    string
		profile specs.LinuxSeccomp
		plan    translate.Seccomp
		want    string
	}{
		{"kills some, allows the rest", specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{
			rule(specs.ActKillProcess, "unlink", equals(1))}}, unlink, "unlink: the profile kills only some"},
		{"two answers", specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{
			execve, rule(specs.ActAllow, "unlink"), rule(specs.ActLog, "unlink")}}, unlink, "unlink: the profile has one answer"},
		{"overlap", specs.LinuxSeccomp{DefaultAction: specs.ActKillProcess, Syscalls: []specs.LinuxSyscall{
			execve, rule(specs.ActAllow, "unlink", equals(1)), rule(specs.ActTrap, "unlink", specs.LinuxSeccompArg{Index: 1, Op: specs.OpEqualTo})}},
			unlink, "unlink: conditions of the profile overlap"},
		{"no execve", specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{
			rule(specs.ActAllow, "unlink")}}, unlink, "execve: the profile does not allow it"},
		{"unknown default", specs.LinuxSeccomp{DefaultAction: "SCMP_ACT_PARTY"}, unlink, `default action: "SCMP_ACT_PARTY"`},
		{"unknown action", specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{
			rule("SCMP_ACT_PARTY", "unlink")}}, unlink, `unlink: "SCMP_ACT_PARTY"`},
		{"unknown operator", specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{
			rule(specs.ActErrno, "unlink", specs.LinuxSeccompArg{Op: "SCMP_CMP_PARTY"})}}, unlink, `unlink: "SCMP_CMP_PARTY"`},
		{"kills by default, for 32-bit programs too", specs.LinuxSeccomp{DefaultAction: specs.ActKill, Architectures: x86, Syscalls: []specs.LinuxSyscall{
			execve, rule(specs.ActAllow, "socket")}}, packet, "socketcall: the profile kills by default"},
		{"wide conditions", specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{
			execve, rule(specs.ActAllow, "socket", equals(1<<32|17))}}, packet, "more than 32 bits"},
		{"runc's own calls", specs.LinuxSeccomp{DefaultAction: specs.ActAllow}, translate.Seccomp{Syscalls: []string{"execve"}}, "runc itself needs execve"},
		{"no family", specs.LinuxSeccomp{DefaultAction: specs.ActAllow}, translate.Seccomp{Families: []int{1 << 20}}, "is not an address family"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := MergeSeccomp(&test.profile, test.plan)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}
