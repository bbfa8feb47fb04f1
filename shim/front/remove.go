package front

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/prearm/prearm/hooks/undo"
)

// killed is the exit status of a container that the delete action ended.
const killed = 128 + int(unix.SIGKILL)

// remove is the delete action: it ends and removes what is left of a
// container whose shim is gone, from its bundle alone. The working directory
// is a bundle of the same containerd and namespace.
//
// The policies stay in force as long as runc could not end the container.
func (c *call) remove(stdout io.Writer) error {
	cwd, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("prearm: %w", err)
	}
	bundle := filepath.Join(filepath.Dir(cwd), c.id)
	if err := c.end(bundle); err != nil {
		return fmt.Errorf("prearm: ending container %s, whose policies stay in force: %w", c.id, err)
	}
	if err := errors.Join(unmount(filepath.Join(bundle, "rootfs")), undo.Within(undo.Limit, bundle)); err != nil {
		return fmt.Errorf("prearm: cleaning up after container %s: %w", c.id, err)
	}
	_, err = stdout.Write(response(initPid(bundle), time.Now()))
	return err
}

// end has runc kill and delete the container, if runc was ever reached: the
// serving process left its name in the bundle before.
func (c *call) end(bundle string) error {
	runc, err := os.ReadFile(filepath.Join(bundle, "runtime"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var options struct{ Root string }
	data, err := os.ReadFile(filepath.Join(bundle, "options.json"))
	if err == nil {
		err = json.Unmarshal(data, &options)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("runc's options: %w", err)
	}
	name := cmp.Or(string(runc), "runc")
	root := filepath.Join(cmp.Or(options.Root, "/run/containerd/runc"), c.namespace)
	if another(filepath.Join(root, c.id), bundle) {
		return nil // the name was taken, and the start refused
	}
	out, err := exec.Command(name, "--root", root,
		"--log", filepath.Join(bundle, "log.json"), "--log-format", "json",
		"delete", "--force", c.id).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s delete: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// another says whether what runc keeps in dir is of a container with another
// bundle. Two containerds may share runc's root.
func another(dir, bundle string) bool {
	var state struct {
		Config struct{ Labels []string }
	}
	data, err := os.ReadFile(filepath.Join(dir, "state.json"))
	if err != nil || json.Unmarshal(data, &state) != nil {
		return false
	}
	ours, err := os.Stat(bundle)
	if err != nil {
		return false
	}
	for _, label := range state.Config.Labels {
		if path, ok := strings.CutPrefix(label, "bundle="); ok {
			its, err := os.Stat(path)
			return err == nil && !os.SameFile(ours, its)
		}
	}
	return false
}

// initPid is the container's first process, 0 if it never had one.
func initPid(bundle string) int {
	data, err := os.ReadFile(filepath.Join(bundle, "init.pid"))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(data))
	if err != nil {
		return 0
	}
	return pid
}

// response is containerd.task.v2.DeleteResponse: pid, exit_status, exited_at.
func response(pid int, at time.Time) []byte {
	var stamp, out []byte
	stamp = protowire.AppendTag(stamp, 1, protowire.VarintType)
	stamp = protowire.AppendVarint(stamp, uint64(at.Unix()))
	stamp = protowire.AppendTag(stamp, 2, protowire.VarintType)
	stamp = protowire.AppendVarint(stamp, uint64(at.Nanosecond()))
	for n, v := range []int{pid, killed} {
		out = protowire.AppendTag(out, protowire.Number(n+1), protowire.VarintType)
		out = protowire.AppendVarint(out, uint64(v))
	}
	out = protowire.AppendTag(out, 3, protowire.BytesType)
	return protowire.AppendBytes(out, stamp)
}
