//go:build integration

package integration

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestCRIExec: what ExecSync and the streaming server run in a container is
// under its plan, on a terminal or not.
func TestCRIExec(t *testing.T) {
	leaveTo(t, "6.12")
	k := newKubelet(t)
	k.armed()
	for handler, must := range map[string]func(class) unix.Errno{HandlerRunc: permitted, HandlerPrearm: denied} {
		t.Run(handler, func(t *testing.T) {
			k := k.on(t)
			c := k.start(k.pod(handler), ContainerConfig("main", "/act/pause"))
			k.judge(k.exec(c, script()...).Stdout, must)
			for _, tty := range []bool{false, true} {
				r, err := c.Stream(t.Context(), tty, commands(script()[2], "exit 7"), "/bin/sh")
				k.must(err)
				k.judge(strings.ReplaceAll(r.Stdout, "\r", ""), must)
				if r.Exit != 7 {
					t.Errorf("the shell ended with %d, want 7", r.Exit)
				}
			}
		})
	}
}

// commands has a shell do the first, and the last once that is done.
func commands(first, last string) func(string) string {
	said := 0
	return func(stdout string) string {
		switch {
		case said == 0:
			said++
			return first + "\n"
		case said == 1 && strings.Contains(strings.ReplaceAll(stdout, "\r", ""), "\ndone\n"):
			said++
			return last + "\n"
		}
		return ""
	}
}

// TestCRIExecRefused: a blocked program is not exec'd into a container, and
// whoever asks for it reads which rule says so.
func TestCRIExecRefused(t *testing.T) {
	leaveTo(t, native)
	k := newKubelet(t, `on_unenforceable = "warn"`)
	k.policy("process", classes[0].rule)
	open := k.start(k.pod(HandlerRunc), ContainerConfig("main", "/act/pause"))
	k.check(succeeded("victim", k.exec(open, "/bin/victim")))
	c := k.start(k.pod(HandlerPrearm), ContainerConfig("main", "/act/pause"))
	k.check(succeeded("nothing", k.exec(c, "/act/nothing")))
	stream := func(args ...string) (Result, error) {
		return c.Stream(t.Context(), false, func(string) string { return "" }, args...)
	}
	sync := func(args ...string) (Result, error) { return c.ExecSync(t.Context(), args...) }
	for name, run := range map[string]func(...string) (Result, error){"exec": stream, "execSync": sync} {
		r, err := run("/bin/victim")
		var refusal *Refusal
		if !errors.As(err, &refusal) {
			t.Errorf("%s: got %+v, %v; want a refusal", name, r, err)
			continue
		}
		t.Logf("%s: %s", name, refusal.Message())
		for _, word := range []string{"prearm: exec refused", "/bin/victim", k.namespace + "/process: process.matchPaths[0]"} {
			if !strings.Contains(refusal.Message(), word) {
				t.Errorf("%s: the error does not say %q: %s", name, word, refusal.Message())
			}
		}
	}
}
