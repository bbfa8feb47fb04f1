package rootfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// headSize is how much of a file the kernel looks at to tell how to run it
// (BINPRM_BUF_SIZE since Linux 5.1).
const headSize = 256

// Interpreter reads the first line of the file at path, links followed. If it
// is a script's (#!), ok is true, and interpreter and argument are what the
// kernel makes of the line: one argument at most, blanks and all. The
// interpreter may be empty, which cannot be run, or relative, to the working
// directory of whoever runs it.
func (r *Root) Interpreter(path string) (interpreter, argument string, ok bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.existing(path)
	if err != nil {
		return "", "", false, err
	}
	return r.interpreter(p)
}

func (r *Root) interpreter(p place) (interpreter, argument string, ok bool, err error) {
	head, err := r.head(p)
	if err != nil {
		return "", "", false, fmt.Errorf("reading %s: %w", abbreviate(p.path), err)
	}
	interpreter, argument, ok = parseScript(head)
	return interpreter, argument, ok, nil
}

// errNotRegular is the error for fifos, devices and directories where a
// program is expected. They are never opened.
var errNotRegular = errors.New("not a regular file")

// head reads the beginning of a regular file, zeros behind its end.
func (r *Root) head(p place) (head [headSize]byte, err error) {
	fd, err := r.open(p.path, 0)
	if err != nil {
		return head, err
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return head, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return head, errNotRegular
	}
	f, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", fd), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return head, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.ReadFull(f, head[:]); err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return head, err
	}
	return head, nil
}

// parseScript does what load_script of the kernel (fs/binfmt_script.c, Linux
// 5.1 and later) does with the beginning of a file.
func parseScript(head [headSize]byte) (interpreter, argument string, ok bool) {
	if head[0] != '#' || head[1] != '!' {
		return "", "", false
	}
	line := head[2:]
	// The line ends at a newline, but not one behind a NUL.
	end := bytes.IndexAny(line, "\n\x00")
	if end >= 0 && line[end] == '\n' {
		line = line[:end]
	} else {
		// Without a newline, the interpreter's name must end somewhere, or it
		// might be cut off.
		line = line[:len(line)-1]
		name := bytes.TrimLeft(head[2:], " \t")
		if len(name) == 0 || !bytes.ContainsAny(name, " \t\x00") {
			return "", "", false
		}
	}
	line = bytes.Trim(line, " \t")
	if len(line) == 0 {
		return "", "", false
	}
	name := line
	sep := bytes.IndexAny(line, " \t\x00")
	if sep >= 0 {
		name = line[:sep]
		if line[sep] != 0 {
			argument = cString(bytes.TrimLeft(line[sep:], " \t"))
		}
	}
	return string(name), argument, true
}

func cString(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
