package profiles

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// act is one system call that a container makes as its first.
type act struct {
	nr   uint32
	args [4]uint32
	i386 bool // through int 0x80, as 32-bit programs do
	high bool // sets a bit in the first argument's upper half
}

// program is a static x86-64 executable that makes the call and exits with 0,
// or with the call's errno. It needs no library, so nothing comes before.
func (a act) program() []byte {
	var code bytes.Buffer
	imm := func(opcode []byte, v uint32) {
		code.Write(opcode)
		code.Write(binary.LittleEndian.AppendUint32(nil, v))
	}
	imm([]byte{0xb8}, a.nr) // mov eax
	if a.i386 {
		for i, opcode := range []byte{0xbb, 0xb9, 0xba, 0xbe} { // mov ebx, ecx, edx, esi
			imm([]byte{opcode}, a.args[i])
		}
		code.Write([]byte{0xcd, 0x80}) // int 0x80
	} else {
		for i, opcode := range [][]byte{{0xbf}, {0xbe}, {0xba}, {0x41, 0xba}} { // mov edi, esi, edx, r10d
			imm(opcode, a.args[i])
		}
		if a.high {
			code.Write([]byte{0x48, 0x0f, 0xba, 0xef, 40}) // bts rdi, 40
		}
		code.Write([]byte{0x0f, 0x05}) // syscall
	}
	code.Write([]byte{
		0x31, 0xff, // xor edi, edi
		0x85, 0xc0, // test eax, eax
		0x79, 0x04, // jns over the next two
		0xf7, 0xd8, // neg eax
		0x89, 0xc7, // mov edi, eax
		0xb8, 0xe7, 0, 0, 0, // mov eax, exit_group
		0x0f, 0x05, // syscall
	})

	const base, headers = 0x400000, 64 + 56
	size := uint64(headers + code.Len())
	var elf bytes.Buffer
	for _, v := range []any{
		[16]byte{0x7f, 'E', 'L', 'F', 2, 1, 1},
		uint16(2), uint16(62), uint32(1), // an executable for x86-64
		uint64(base + headers), uint64(64), uint64(0), // entry, program headers, no sections
		uint32(0), uint16(64), uint16(56), uint16(1), uint16(64), uint16(0), uint16(0),
		uint32(1), uint32(5), // load, readable and executable
		uint64(0), uint64(base), uint64(base), size, size, uint64(0x1000),
	} {
		_ = binary.Write(&elf, binary.LittleEndian, v) // cannot fail: fixed sizes, a buffer
	}
	elf.Write(code.Bytes())
	return elf.Bytes()
}

// sleeper sleeps until it is killed: ppoll of nothing, for ever.
func sleeper() act { return act{nr: unix.SYS_PPOLL} }

// bundle is a container for the runc in PATH, with a busybox in its root.
type bundle struct {
	t    *testing.T
	dir  string
	id   string
	spec specs.Spec
}

func newBundle(t *testing.T) *bundle {
	t.Helper()
	dir := t.TempDir()
	b := &bundle{t: t, dir: dir, id: "prearm-test-" + strings.ToLower(rand.Text()[:10])}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatalf("this test needs busybox-static: %v", err)
	}
	data, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	b.write("rootfs/bin/busybox", data)
	for _, name := range []string{"rootfs/proc", "rootfs/dev"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	caps := []string{"CAP_CHOWN", "CAP_NET_RAW", "CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_KILL"}
	b.spec = specs.Spec{
		Version: "1.0.2",
		Root:    &specs.Root{Path: "rootfs"},
		Process: &specs.Process{
			Cwd:          "/",
			Env:          []string{"PATH=/bin"},
			Capabilities: &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps},
		},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc"},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs"},
		},
		Linux: &specs.Linux{
			CgroupsPath: "/" + b.id,
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace}, {Type: specs.MountNamespace}, {Type: specs.IPCNamespace},
				{Type: specs.UTSNamespace}, {Type: specs.NetworkNamespace},
			},
		},
	}
	return b
}

func (b *bundle) write(name string, data []byte) {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o755); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) writeJSON(name string, v any) string {
	b.t.Helper()
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		b.t.Fatal(err)
	}
	b.write(name, data)
	return filepath.Join(b.dir, name)
}

func (b *bundle) runc(args ...string) *exec.Cmd {
	cmd := exec.Command("runc", append([]string{"--root", filepath.Join(b.dir, "state")}, args...)...)
	cmd.Dir = b.dir
	return cmd
}

// run runs the container to its end: with its exit code and output.
func (b *bundle) run(args ...string) (code int, output string) {
	b.t.Helper()
	b.spec.Process.Args = args
	b.writeJSON("config.json", &b.spec)
	return b.finish(b.runc("run", b.id))
}

// try runs a container whose first call is the act, and gives its errno.
func (b *bundle) try(a act) unix.Errno {
	b.t.Helper()
	b.write("rootfs/act", a.program())
	code, output := b.run("/act")
	if output != "" {
		b.t.Fatalf("%+v: exit code %d, output %s", a, code, output)
	}
	return unix.Errno(code)
}

// exec runs one more process in a container that sleeps.
func (b *bundle) exec(process specs.Process, a act) unix.Errno {
	b.t.Helper()
	b.write("rootfs/act", a.program())
	process.Args = []string{"/act"}
	code, output := b.finish(b.runc("exec", "--process", b.writeJSON("process.json", &process), b.id))
	if output != "" {
		b.t.Fatalf("exec of %+v: exit code %d, output %s", a, code, output)
	}
	return unix.Errno(code)
}

// sleep leaves the container asleep until the test is over.
func (b *bundle) sleep() {
	b.t.Helper()
	b.write("rootfs/sleep", sleeper().program())
	b.spec.Process.Args = []string{"/sleep"}
	b.writeJSON("config.json", &b.spec)
	b.t.Cleanup(func() {
		if out, err := b.runc("delete", "--force", b.id).CombinedOutput(); err != nil {
			b.t.Errorf("runc delete: %v: %s", err, out)
		}
	})
	// No pipes: the container would hold them open.
	if err := b.runc("run", "--detach", b.id).Run(); err != nil {
		b.t.Fatalf("runc run --detach: %v", err)
	}
}

func (b *bundle) finish(cmd *exec.Cmd) (code int, output string) {
	b.t.Helper()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		b.t.Fatalf("this test needs runc: %v", err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}
