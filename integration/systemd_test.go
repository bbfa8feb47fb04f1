//go:build integration

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// booted says whether systemd is the first process here, as runc finds out.
func booted() bool { return exists("/run/systemd/system") }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// unit runs this program's tests once and has systemd end with their status.
const unit = `[Unit]
DefaultDependencies=no
SuccessAction=exit
FailureAction=exit
[Service]
Type=oneshot
TimeoutStartSec=infinity
WorkingDirectory=%s
Environment=%s
ExecStart=%s -test.v -test.run ^%s$ -test.timeout 5m
StandardOutput=append:%s
StandardError=append:%[5]s
`

// underSystemd runs a test of this program once more, in a pid namespace whose
// first process is a systemd with nothing else to do.
func underSystemd(t *testing.T, test string) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	units := t.TempDir()
	out := filepath.Join(units, "out")
	var env []string
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); name == "PATH" || strings.HasPrefix(name, "PREARM_") && name != enclosed {
			env = append(env, fmt.Sprintf("%q", pair))
		}
	}
	text := fmt.Sprintf(unit, dir, strings.Join(env, " "), program, test, out)
	if err := os.WriteFile(filepath.Join(units, "suite.service"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	// From outside of our mounts, as we were begun. What systemd writes to /run
	// would tell others that it runs here.
	cmd := exec.CommandContext(t.Context(), "nsenter", fmt.Sprintf("--mount=/proc/%d/ns/mnt", os.Getppid()), "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-ec",
		"mkdir -p /run/systemd; mount -t tmpfs -o mode=755 tmpfs /run/systemd; exec /lib/systemd/systemd --system --unit=suite.service --log-target=console")
	cmd.Env = []string{"container=suite", "SYSTEMD_UNIT_PATH=" + units + ":", "PATH=" + os.Getenv("PATH")}
	console, err := cmd.CombinedOutput()
	said, readErr := os.ReadFile(out)
	if err != nil || readErr != nil || !strings.Contains(string(said), "--- PASS: "+test+" ") {
		t.Errorf("%s under systemd (on Debian: apt-get install systemd): %v, %v:\n%s\n%s", test, err, readErr, console, said)
	}
}
