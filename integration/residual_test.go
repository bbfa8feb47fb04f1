//go:build integration

package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/translate"
)

// residual is a known difference between a rule and its mechanism, by its id:
// an act that ends otherwise than the model says, beside one on which both
// agree. Without a policy, both succeed.
type residual struct {
	id      string
	differs tried
	agrees  tried
	// question is what prearm decide is asked about the first act, and must
	// answer with the opposite of what happens; "" where the model is not
	// asked, because the difference is in how the object was come by.
	question string
}

// tried is an act and how it ends.
type tried struct {
	act    []string
	passes bool
}

func passes(act []string) tried  { return tried{act, true} }
func refused(act []string) tried { return tried{act, false} }

// TestResiduals shows the differences that translate.Residuals lists, each in
// the subtest of its id: what the sentence says happens, and no more.
func TestResiduals(t *testing.T) {
	leaveTo(t, "6.1")
	t.Run("sockets", residualsOfSockets)
	if shared.AppArmor {
		t.Run("blocks", residualsOfBlocks)
		t.Run("lists", residualsOfLists)
		t.Run("alerts", residualsOfAlerts)
		t.Run("entrypoint", residualsOfEntrypoints)
	}
}

// show tries each residual in a container without and in one with the policy.
func (n *node) show(open, armed *Task, all []residual) {
	n.Helper()
	for _, r := range all {
		n.Run(r.id, func(t *testing.T) {
			n := n.with(t)
			for _, try := range []tried{r.differs, r.agrees} {
				if got := n.exec(open, try.act...); got.Exit != 0 {
					t.Fatalf("without the policy %q ended with %d: %s", try.act, got.Exit, got.Stderr)
				}
				got := n.exec(armed, try.act...)
				switch {
				case try.passes && got.Exit != 0:
					t.Errorf("%q ended with %d: %s", try.act, got.Exit, got.Stderr)
				case !try.passes && got.Exit == 0:
					t.Errorf("%q was not denied", try.act)
				}
			}
			if r.question == "" {
				return
			}
			if action := n.decide(armed, r.question); (action == "Block") != r.differs.passes {
				t.Errorf("the model says %s, and so does the mechanism: the residual can go", action)
			}
		})
	}
}

// decide asks prearm decide one question about a running container.
func (n *node) decide(task *Task, question string) (action string) {
	n.Helper()
	cmd := exec.CommandContext(n.Context(), filepath.Join(n.Bin, "prearm"), "--config", n.Config, "decide",
		"--address", n.Address, "--containerd-namespace", n.Namespace, "--container", task.ID, "-")
	cmd.Stdin, cmd.Stderr = strings.NewReader(question+"\n"), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		n.Fatalf("decide %s: %v", question, err)
	}
	var answer struct{ Action string }
	if err := json.Unmarshal(out, &answer); err != nil {
		n.Fatalf("decide %s: %v: %s", question, err, out)
	}
	return answer.Action
}

// yard makes a folder that a container finds as /r: programs that do nothing,
// and files. Each container has its own, because acts change it.
func (n *node) yard(name string) string {
	n.Helper()
	dir := filepath.Join(n.dir, name)
	for _, folder := range []string{"bin", "tools", "links", "data/dir", "data/other", "free", "sockets"} {
		n.must(os.MkdirAll(filepath.Join(dir, folder), 0o755))
	}
	for _, program := range []string{"bin/interp", "bin/victim", "bin/other", "bin/hostid", "tools/tool", "tools/moved", "free/program"} {
		n.must(copyFile(filepath.Join(n.Fixture, "nothing"), filepath.Join(dir, program)))
	}
	n.must(copyFile("/bin/busybox", filepath.Join(dir, "links/busybox")))
	n.must(os.Symlink("busybox", filepath.Join(dir, "links/hostid")))
	n.must(os.WriteFile(filepath.Join(dir, "bin/script"), []byte("#!/r/bin/interp\n"), 0o755))
	for _, file := range []string{"data/dir/secret", "data/loud", "data/quiet", "data/carefree", "sockets/file", "free/file"} {
		n.must(os.WriteFile(filepath.Join(dir, file), []byte("x\n"), 0o644))
	}
	return dir
}

// in is c with the folder at /r.
func (c Container) in(yard string) Container {
	edit := c.Edit
	c.Edit = func(s *specs.Spec) {
		if edit != nil {
			edit(s)
		}
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/r", Type: "bind", Source: yard, Options: []string{"bind", "rw"}})
	}
	return c
}

// pair starts a container without and one with the node's policies.
func (n *node) pair(c Container) (open, armed *Task) {
	n.Helper()
	return n.start(c.unprotected().in(n.yard("open"))), n.start(c.in(n.yard("armed")))
}

// residualsOfBlocks are those of rules that block.
func residualsOfBlocks(t *testing.T) {
	n := newNodeBy(t, translate.EnforcerAppArmor)
	n.policy("blocks", `
  process:
    matchPaths:
    - path: /r/bin/interp
    - path: /r/bin/victim
    - execname: hostid
    matchDirectories:
    - dir: /r/tools/
      recursive: true
  file:
    matchPaths:
    - path: /r/data/dir/secret
`)
	open, armed := n.pair(n.Container(n.busybox, "/act/pause"))
	n.show(open, armed, []residual{{
		id:       "apparmor-interpreter",
		differs:  passes(shell("/r/bin/script; true")),
		agrees:   refused(shell("/r/bin/interp; true")),
		question: `{"class": "process", "object": "/r/bin/script"}`,
	}, {
		id:       "apparmor-exec-name",
		differs:  passes(shell("/r/links/hostid; true")),
		agrees:   refused(shell("/r/bin/hostid; true")),
		question: `{"class": "process", "object": "/r/links/hostid"}`,
	}, {
		id:       "apparmor-parent-metadata",
		differs:  refused(shell("busybox chmod 700 /r/data/dir")),
		agrees:   passes(shell("busybox chmod 700 /r/data/other")),
		question: `{"class": "file", "object": "/r/data/dir", "op": "write"}`,
	}, {
		id:       "apparmor-tamper-write",
		differs:  refused(shell(": >>/r/bin/victim")),
		agrees:   passes(shell(": >>/r/bin/other")),
		question: `{"class": "file", "object": "/r/bin/victim", "op": "write"}`,
	}, {
		id:       "apparmor-move-out",
		differs:  passes(shell("mv /r/tools/moved /r/moved; /r/moved; true")),
		agrees:   refused(shell("/r/tools/tool; true")),
		question: `{"class": "process", "object": "/r/tools/tool", "op": "tamper"}`,
	}})
	// What is run through a link is stopped as the first program of an exec.
	if r, err := armed.Exec(t.Context(), nil, "/r/links/hostid"); err == nil || !strings.Contains(err.Error(), "process.matchPaths[2]") {
		t.Errorf("as the first program the link ended with %+v, %v", r, err)
	}
}

// python is an act of a Python program.
func python(program string) []string { return []string{"/usr/bin/python3", "-ISc", program} }

// receive is a program that reads a file whose descriptor it asks for by name.
func receive(name string) []string {
	return python(`
import os, socket
s = socket.socket(socket.AF_UNIX)
s.connect("/r/free/hand")
s.send(b"` + name + `")
_, handed, _, _ = s.recvmsg(1, socket.CMSG_SPACE(4))
os.read(int.from_bytes(handed[0][2][:4], "little"), 1)
`)
}

// nameless is a program that runs another through a descriptor of it, or of
// a copy of it that has no name.
func nameless(copied bool) []string {
	return python(fmt.Sprintf(`
import os
program = open("/r/free/program", "rb")
fd = program.fileno()
if %v:
    fd = os.memfd_create("program")
    os.write(fd, program.read())
os.execv("/proc/self/fd/%%d" %% fd, ["program"])
`, map[bool]string{false: "False", true: "True"}[copied]))
}

// residualsOfLists are those that an allow-list of files shows best.
func residualsOfLists(t *testing.T) {
	n := newNodeBy(t, translate.EnforcerAppArmor)
	n.policy("list", `
  file:
    matchDirectories:
    - dir: /r/free/
      recursive: true
    - dir: /usr/
      recursive: true
      readOnly: true
  action: Allow
`)
	c := n.Container(filepath.Join(n.Images, "multiubuntu"), "/act/pause")
	c.Edit = func(s *specs.Spec) { n.edit(s, false) }
	open, armed := n.pair(c)
	handed := n.handed()
	for _, yard := range []string{"open", "armed"} {
		n.hand(filepath.Join(n.dir, yard), handed)
	}
	cat := func(path string) []string { return []string{"/usr/bin/cat", path} }
	n.show(open, armed, []residual{{
		id:       "apparmor-unix-connect",
		differs:  passes(python(`import socket; socket.socket(socket.AF_UNIX).connect("/r/sockets/socket")`)),
		agrees:   refused(cat("/r/sockets/file")),
		question: `{"class": "file", "object": "/r/sockets/socket"}`,
	}, {
		id:      "apparmor-proc-self",
		differs: passes(cat("/proc/1/cmdline")),
		agrees:  refused(cat("/proc/1/environ")),
	}, {
		id:      "apparmor-outside-files",
		differs: refused(receive("confined")),
		agrees:  passes(receive("unconfined")),
	}, {
		id:       "apparmor-outside-files",
		differs:  refused(nameless(true)),
		agrees:   passes(nameless(false)),
		question: `{"class": "process", "object": "memfd:"}`,
	}})
}

// handed are files that were opened outside the containers: by a container
// with a profile of its own, and by a process without any.
func (n *node) handed() map[string]*os.File {
	n.Helper()
	n.file("stranger.yaml", fmt.Sprintf(`apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata: {name: stranger, namespace: %s}
spec:
  selector: {matchLabels: {app: stranger}}
  file: {matchPaths: [{path: /nowhere}]}
`, n.Namespace))
	c := n.Container(n.busybox, shell("exec /act/pause </etc/secret")...)
	c.Labels = map[string]string{"app": "stranger"}
	stranger := n.start(c)
	n.confinement(n.T, stranger.Pid) // once it pauses
	process, err := unix.PidfdOpen(stranger.Pid, 0)
	n.must(err)
	defer func() { n.check(unix.Close(process)) }()
	fd, err := unix.PidfdGetfd(process, 0, 0)
	n.must(err)
	confined := os.NewFile(uintptr(fd), "confined")
	unconfined, err := os.Open(filepath.Join(n.busybox, "etc/secret"))
	n.must(err)
	n.Cleanup(func() { n.check(errors.Join(confined.Close(), unconfined.Close())) })
	return map[string]*os.File{"confined": confined, "unconfined": unconfined}
}

// hand listens in a yard until the test ends: on sockets/socket in silence,
// and on free/hand to hand over the file that is asked for.
func (n *node) hand(yard string, files map[string]*os.File) {
	n.Helper()
	listen := func(name string) int {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		n.must(err)
		n.must(unix.Bind(fd, &unix.SockaddrUnix{Name: filepath.Join(yard, name)}))
		n.must(unix.Listen(fd, 8))
		return fd
	}
	silent := listen("sockets/socket")
	fd := listen("free/hand")
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, _, err := unix.Accept(fd)
			if err != nil {
				return // shut down
			}
			name := make([]byte, 16)
			size, err := unix.Read(conn, name)
			if file := files[string(name[:max(size, 0)])]; err == nil && file != nil {
				err = unix.Sendmsg(conn, []byte("x"), unix.UnixRights(int(file.Fd())), nil, 0)
			}
			if err := errors.Join(err, unix.Close(conn)); err != nil {
				n.Errorf("handing a file over: %v", err)
			}
		}
	})
	n.Cleanup(func() {
		n.check(unix.Shutdown(fd, unix.SHUT_RDWR))
		serving.Wait()
		n.check(errors.Join(unix.Close(fd), unix.Close(silent)))
	})
}

// residualsOfEntrypoints changes what the entrypoint's name stands for between
// its judgement, in Create, and its execution, in Start.
func residualsOfEntrypoints(t *testing.T) {
	t.Run("apparmor-exec-argv0", func(t *testing.T) { changedEntrypoint(t, newNodeBy(t, translate.EnforcerAppArmor)) })
}

func changedEntrypoint(t *testing.T, n *node) {
	n.policy("victim", "  process:\n    matchPaths:\n    - path: /r/bin/victim")
	yard := n.yard("armed")
	link := filepath.Join(yard, "entrypoint")
	point := func(target string) {
		t.Helper()
		if err := os.Remove(link); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		n.must(os.Symlink(target, link))
	}
	// The victim can be told by its end: the file that it opens is not there.
	n.must(copyFile(filepath.Join(n.Fixture, "file"), filepath.Join(yard, "bin/victim")))
	c := n.Container(n.busybox, "/r/entrypoint").in(yard)
	image := n.image(func(dir string) error { return os.Remove(filepath.Join(dir, "etc/secret")) })
	c.Root = image

	point("bin/victim")
	if r := n.unprotected(c); r.Exit != int(unix.ENOENT) {
		t.Fatalf("without the policy the victim ended with %d", r.Exit)
	}
	if words := n.refused(c); !strings.Contains(words, "process.matchPaths[0]") {
		t.Errorf("refused with %s", words)
	}
	point("bin/other")
	task, err := n.Create(t.Context(), c)
	n.must(err)
	defer func() { n.check(task.Delete(t.Context())) }()
	point("bin/victim")
	n.must(task.Start(t.Context()))
	r, err := task.Wait(t.Context())
	n.must(err)
	if r.Exit != int(unix.ENOENT) {
		t.Errorf("ended with %d; if the kernel judges the first program now, the residual can go", r.Exit)
	}
}
