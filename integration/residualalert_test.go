//go:build integration

package integration

import (
	"slices"
	"strings"
	"testing"

	"github.com/prearm/prearm/translate"
)

// alertedOn says whether a record is about an operation that was permitted on
// the object, a file or a capability.
func alertedOn(records []Record, operation, object string) bool {
	return slices.ContainsFunc(records, func(r Record) bool {
		return !r.Denied && r.Operation == operation && (r.Name == object || r.Capability == object)
	})
}

// residualsOfAlerts are those of what is permitted and alerted on.
func residualsOfAlerts(t *testing.T) {
	n := newNodeBy(t, translate.EnforcerAppArmor, "[posture]", `file = "audit"`)
	n.policy("alerts", `
  file:
    matchPaths:
    - path: /r/data/quiet
      action: Allow
    matchPatterns:
    - pattern: /r/data/*are*ree
      action: Allow
    matchDirectories:
    - dir: /r/data/
      recursive: true
      action: Audit
  capabilities:
    matchCapabilities:
    - capability: sys_chroot
      action: Audit
`)
	task := n.start(n.Container(n.busybox, "/act/pause").in(n.yard("armed")))
	log, err := OpenAuditLog()
	n.must(err)
	defer func() { n.check(log.Close()) }()
	// run performs an act, which is permitted, and gives the alerts on it.
	run := func(act ...string) []Record {
		t.Helper()
		if r := n.exec(task, act...); r.Exit != 0 {
			t.Errorf("%q, which is permitted, ended with %d: %s", act, r.Exit, r.Stderr)
		}
		records, err := log.Drain()
		n.must(err)
		return records
	}
	model := func(object, want string) {
		t.Helper()
		if action := n.decide(task, `{"class": "file", "object": "`+object+`"}`); action != want {
			t.Errorf("the model says %s of reading %s, want %s", action, object, want)
		}
	}
	run("/bin/true") // what a start and an exec do by themselves
	t.Run("apparmor-audit-pattern", func(t *testing.T) {
		got := run("/bin/cat", "/r/data/quiet", "/r/data/carefree", "/r/data/loud")
		for _, file := range []struct {
			path    string
			alerted bool
			model   string
		}{{"/r/data/loud", true, "Audit"}, {"/r/data/quiet", false, "Allow"}, {"/r/data/carefree", true, "Allow"}} {
			if alertedOn(got, "open", file.path) != file.alerted {
				t.Errorf("%s: alerted on %v, want %v; the residual is about carefree alone", file.path, !file.alerted, file.alerted)
			}
			model(file.path, file.model)
		}
	})
	t.Run("apparmor-audit-base", func(t *testing.T) {
		run(shell("mkdir -p /usr/lib; echo x >/usr/lib/plain")...)
		got := run("/bin/cat", "/usr/lib/plain", "/proc/self/environ", "/r/free/file")
		if !alertedOn(got, "open", "/r/free/file") {
			t.Errorf("what is not listed is not alerted on: %v", got)
		}
		for _, r := range got {
			if r.Name == "/usr/lib/plain" || strings.HasSuffix(r.Name, "/environ") {
				t.Errorf("what is next to the base set is alerted on; the residual can go: %s", r.Text)
			}
		}
		model("/r/free/file", "Audit")
		model("/usr/lib/plain", "Audit")
		model("/proc/1/environ", "Audit")
	})
	t.Run("apparmor-capability-audit", func(t *testing.T) {
		got := run("/bin/unshare", "-U", "-r", "/bin/chroot", "/", "/bin/true")
		if !alertedOn(got, "capable", "sys_chroot") {
			t.Error("its use in a user namespace of the container's own is not alerted on: the residual can go")
		}
		if alertedOn(got, "capable", "setuid") || alertedOn(got, "capable", "setgid") {
			t.Error("a capability that no rule names is alerted on")
		}
	})
}
