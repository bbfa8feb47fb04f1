package front

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/shim/early"
	"github.com/prearm/prearm/shim/subject"
)

// maxOptions bounds what is read from containerd, in bytes.
const maxOptions = 1 << 20

// start is the start action: it has a process serve the container, one for
// all containers of a pod, and tells containerd its address. The working
// directory is the bundle.
func (c *call) start(stdin io.Reader, stdout io.Writer) error {
	options, err := io.ReadAll(io.LimitReader(stdin, maxOptions+1))
	if err != nil {
		return fmt.Errorf("prearm: options: %w", err)
	}
	if len(options) > maxOptions {
		return fmt.Errorf("prearm: options: more than %d bytes", maxOptions)
	}
	if err := early.LeaveOptions(".", options); err != nil {
		return fmt.Errorf("prearm: %w", err)
	}
	annotations, err := readAnnotations()
	if err != nil {
		return fmt.Errorf("prearm: %w", err)
	}
	asked := make(chan error, 1)
	go func() {
		asked <- early.LeaveSubject(context.Background(), ".", subject.Query{
			Containerd: c.containerd, Namespace: c.namespace, ID: c.id, Annotations: annotations,
		})
	}()
	if special(options) {
		if err := <-asked; err != nil {
			return fmt.Errorf("prearm: subject: %w", err)
		}
		return handOver(c.args, options)
	}
	address, err := c.serve(annotations, asked)
	if err != nil {
		return fmt.Errorf("prearm: %w", err)
	}
	_, err = io.WriteString(stdout, address)
	return err
}

// readAnnotations reads nothing else of config.json.
func readAnnotations() (map[string]string, error) {
	data, err := os.ReadFile("config.json")
	if err != nil {
		return nil, err
	}
	var spec struct {
		Annotations map[string]string `json:"annotations"`
	}
	if err := json.Unmarshal(data, &spec); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	return spec.Annotations, nil
}

// serve gives the address of the process that serves the container's pod, once
// the answer to asked is in the bundle. It starts one if none does, which does
// not outlive an error.
func (c *call) serve(annotations map[string]string, asked <-chan error) (_ string, err error) {
	s := newSocket(c.containerd, c.namespace, group(c.id, annotations))
	served, err := s.listen()
	if err != nil {
		return "", err
	}
	if served {
		return s.address(), errors.Join(s.leave(), <-asked)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.remove())
		}
	}()
	if err := s.leave(); err != nil {
		return "", err
	}
	server, err := serverPath()
	if err != nil {
		return "", err
	}
	cmd := exec.Command(server, "-namespace", c.namespace, "-id", c.id, "-address", c.containerd)
	if c.debug {
		cmd.Args = append(cmd.Args, "-debug")
	}
	if cmd.Dir, err = os.Getwd(); err != nil {
		return "", err
	}
	cmd.Env = append(os.Environ(), "GOMAXPROCS=4") // as runc's shim; containerd says 2
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.ExtraFiles = []*os.File{s.file}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	if err := errors.Join(spare(cmd.Process.Pid), <-asked); err != nil {
		return "", errors.Join(err, end(cmd.Process))
	}
	return s.address(), nil
}

func end(p *os.Process) error {
	if err := p.Kill(); err != nil {
		return err
	}
	_, err := p.Wait()
	return err
}

// group is what the containers of one pod have in common: they share a shim.
func group(id string, annotations map[string]string) string {
	for _, key := range []string{"io.containerd.runc.v2.group", "io.kubernetes.cri.sandbox-id"} {
		if g, ok := annotations[key]; ok {
			return g
		}
	}
	return id
}

// spare has the kernel, when it is out of memory, end the shim before
// containerd.
func spare(pid int) error {
	const worst = 1000
	var score int
	parent := filepath.Join("/proc", fmt.Sprint(os.Getppid()), "oom_score_adj")
	data, err := os.ReadFile(parent)
	if err != nil {
		return err
	}
	if _, err := fmt.Sscan(string(data), &score); err != nil {
		return fmt.Errorf("%s: %w", parent, err)
	}
	own := filepath.Join("/proc", fmt.Sprint(pid), "oom_score_adj")
	return os.WriteFile(own, fmt.Append(nil, min(score+1, worst)), 0)
}
