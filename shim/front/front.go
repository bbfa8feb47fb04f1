// Package front is containerd-shim-prearm-v1: what containerd calls for every
// container. It runs the actions start and delete, and hands everything else
// to prearm-shim, the process that serves.
//
// It is a program of its own because a container's start waits for both
// actions, and what the serving process links (containerd's shim library,
// protocol buffers) takes longer to initialise than the actions take: 3.7
// against 1.1 ms of CPU each. So nothing here may import containerd.
package front

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// server is the program that serves; it is installed beside this one.
const server = "prearm-shim"

// call is how containerd called the shim.
type call struct {
	args       []string // all of them
	namespace  string
	id         string
	containerd string // address of its API
	debug      bool
	action     string
}

// Main does what containerd's arguments ask for. An error refuses the action;
// containerd shows it.
func Main(args []string) error {
	c, err := parse(args)
	if err != nil || c.namespace == "" || c.id == "" {
		return handOver(args, nil) // which also says what is wrong with them
	}
	switch c.action {
	case "start":
		return c.start(os.Stdin, os.Stdout)
	case "delete":
		return c.remove(os.Stdout)
	}
	return handOver(args, nil)
}

// parse reads the arguments that every version of containerd gives to these
// actions.
func parse(args []string) (*call, error) {
	c := &call{args: args}
	flags := flag.NewFlagSet(server, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.namespace, "namespace", "", "")
	flags.StringVar(&c.id, "id", "", "")
	flags.StringVar(&c.containerd, "address", "", "")
	flags.BoolVar(&c.debug, "debug", false, "")
	for _, ignored := range []string{"bundle", "publish-binary"} {
		flags.String(ignored, "", "")
	}
	err := flags.Parse(args)
	c.action = flags.Arg(0)
	return c, err
}

// serverPath is where prearm-shim is.
func serverPath() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(self), server)
	if err := unix.Access(path, unix.X_OK); err != nil {
		return "", fmt.Errorf("%s: %w (it belongs beside %s: install prearm again)", path, err, filepath.Base(self))
	}
	return path, nil
}

// handOver becomes prearm-shim, called as this was. If stdin has been read,
// it gets what was there. It returns only with an error.
func handOver(args []string, stdin []byte) error {
	path, err := serverPath()
	if err != nil {
		return err
	}
	if stdin != nil {
		if err := restoreStdin(stdin); err != nil {
			return err
		}
	}
	if err := unix.Exec(path, append([]string{os.Args[0]}, args...), os.Environ()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// restoreStdin makes data what is read from file descriptor 0.
func restoreStdin(data []byte) (err error) {
	fd, err := unix.MemfdCreate("stdin", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("stdin: %w", err)
	}
	f := os.NewFile(uintptr(fd), "stdin")
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteAt(data, 0); err != nil {
		return fmt.Errorf("stdin: %w", err)
	}
	if err := unix.Dup3(fd, 0, 0); err != nil {
		return fmt.Errorf("stdin: %w", err)
	}
	return nil
}
