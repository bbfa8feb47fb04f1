//go:build kernel

package profiles

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The test binary is also the container's process: with PREARM_ENTER set it
// enters that profile, as runc's init does, and with PREARM_ACTS it tries what
// that says and prints how each act ended.
func TestMain(m *testing.M) {
	var err error
	switch {
	case os.Getenv("PREARM_ENTER") != "":
		err = enter(os.Getenv("PREARM_ENTER"))
	case os.Getenv("PREARM_ACTS") != "":
		err = perform(os.Getenv("PREARM_ACTS"))
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// enter makes a mount namespace and executes this binary, or that of
// PREARM_PROGRAM, which is a copy, under the profile.
func enter(profile string) error {
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if profile != "unconfined" {
		if err := os.WriteFile("/proc/thread-self/attr/apparmor/exec", []byte("exec "+profile), 0); err != nil {
			return err
		}
	}
	if err := os.Unsetenv("PREARM_ENTER"); err != nil {
		return err
	}
	if os.Getenv("PREARM_NNP") != "" {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
	}
	program := os.Getenv("PREARM_PROGRAM")
	if program == "" {
		program = "/proc/self/exe"
	}
	return syscall.Exec(program, os.Args, os.Environ())
}

// perform tries the acts of a JSON list of lists of words.
func perform(list string) error {
	var acts [][]string
	if err := json.Unmarshal([]byte(list), &acts); err != nil {
		return err
	}
	ends := []string{}
	for _, words := range acts {
		end := "ok"
		if err := act1(words[0], words[1:]); err != nil {
			end = errno(err)
		}
		ends = append(ends, end)
	}
	return json.NewEncoder(os.Stdout).Encode(ends)
}

func errno(err error) string {
	var e syscall.Errno
	var exit *exec.ExitError
	switch {
	case errors.As(err, &e):
		return unix.ErrnoName(e)
	case errors.As(err, &exit):
		return "exit"
	}
	return err.Error()
}

func act1(name string, args []string) error {
	arg := func(i int) string { return args[i] }
	switch name {
	case "exec":
		return exec.Command(arg(0), args[1:]...).Run()
	case "as": // what another program does, which is a copy of this one
		return as(arg(0), nil, args[1:])
	case "nnp-as": // the same after setting no_new_privs, the last act of its list
		runtime.LockOSThread() // it is a thread's attribute
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
		return as(arg(0), nil, args[1:])
	case "user": // what another user does
		return user(args)
	case "leave-open": // a file to another program, which reads it
		f, err := os.Open(arg(1))
		if err != nil {
			return err
		}
		defer f.Close()
		return as(arg(0), f, []string{"read-open"})
	case "read-open":
		// Kernels differ in what they leave of a descriptor that is refused.
		if n, err := unix.Read(3, make([]byte, 1)); err != nil || n == 0 {
			return errors.New("lost")
		}
		return nil
	case "memfd": // executes a copy of a program without a name
		fd, err := unix.MemfdCreate("x", 0)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(arg(0))
		if err != nil {
			return err
		}
		if _, err := unix.Write(fd, data); err != nil {
			return err
		}
		return exec.Command(fmt.Sprintf("/proc/self/fd/%d", fd)).Run()
	case "read":
		f, err := os.Open(arg(0))
		if err != nil {
			return err
		}
		return f.Close()
	case "write", "append":
		f, err := os.OpenFile(arg(0), map[string]int{"write": os.O_WRONLY, "append": os.O_WRONLY | os.O_APPEND}[name], 0)
		if err != nil {
			return err
		}
		return f.Close()
	case "create":
		f, err := os.OpenFile(arg(0), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
		if err != nil {
			return err
		}
		return f.Close()
	case "chroot-read": // the last act of its list
		if err := unix.Chroot(arg(0)); err != nil {
			return err
		}
		return act1("read", args[1:])
	case "truncate":
		return os.Truncate(arg(0), 0)
	case "unlink":
		return unix.Unlink(arg(0))
	case "mkdir":
		return unix.Mkdir(arg(0), 0o755)
	case "rmdir":
		return unix.Rmdir(arg(0))
	case "rename":
		return unix.Rename(arg(0), arg(1))
	case "exchange":
		return unix.Renameat2(unix.AT_FDCWD, arg(0), unix.AT_FDCWD, arg(1), unix.RENAME_EXCHANGE)
	case "link":
		return unix.Link(arg(0), arg(1))
	case "symlink":
		return unix.Symlink(arg(0), arg(1))
	case "chmod":
		return unix.Chmod(arg(0), 0o755)
	case "chown":
		return unix.Chown(arg(0), 0, 0)
	case "mknod":
		return unix.Mknod(arg(0), unix.S_IFIFO|0o644, 0)
	case "stat":
		var st unix.Stat_t
		return unix.Stat(arg(0), &st)
	case "map":
		f, err := os.Open(arg(0))
		if err != nil {
			return err
		}
		data, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE)
		if err != nil {
			return err
		}
		return errors.Join(unix.Munmap(data), f.Close())
	case "mount":
		return unix.Mount("tmpfs", arg(0), "tmpfs", 0, "")
	case "bind":
		return unix.Mount(arg(0), arg(1), "", unix.MS_BIND, "")
	case "remount":
		return unix.Mount("", arg(0), "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
	case "umount":
		return unix.Unmount(arg(0), unix.MNT_DETACH)
	case "clone-tree": // reads a file of a detached copy of a mount
		fd, err := unix.OpenTree(unix.AT_FDCWD, arg(0), unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if err != nil {
			return err
		}
		file, err := unix.Openat(fd, arg(1), unix.O_RDONLY, 0)
		if err != nil {
			return err
		}
		return unix.Close(file)
	case "move-tree":
		fd, err := unix.OpenTree(unix.AT_FDCWD, arg(0), unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if err != nil {
			return err
		}
		return unix.MoveMount(fd, "", unix.AT_FDCWD, arg(1), unix.MOVE_MOUNT_F_EMPTY_PATH)
	case "move-tree-userns": // the same by a user namespace's root
		out, err := inUserNamespace("move-tree", arg(0), arg(1))
		if err != nil {
			return err
		}
		return saying(out)
	case "exec-deleted":
		copied := filepath.Join(filepath.Dir(arg(1)), "deleted")
		data, err := os.ReadFile(arg(0))
		if err != nil {
			return err
		}
		if err := os.WriteFile(copied, data, 0o755); err != nil {
			return err
		}
		f, err := os.Open(copied)
		if err != nil {
			return err
		}
		if err := os.Remove(copied); err != nil {
			return err
		}
		return exec.Command(fmt.Sprintf("/proc/self/fd/%d", f.Fd())).Run()
	case "tmpfile-link": // makes a file without a name and gives it one
		fd, err := unix.Open(filepath.Dir(arg(0)), unix.O_TMPFILE|unix.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, arg(0), unix.AT_SYMLINK_FOLLOW)
	case "become": // a child of the process's profile
		return become(arg(0))
	case "leave": // changes to another profile
		return os.WriteFile("/proc/thread-self/attr/apparmor/current", []byte("changeprofile "+arg(0)), 0)
	case "socket":
		return socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	case "udp":
		return socket(unix.AF_INET6, unix.SOCK_DGRAM, 0)
	case "ping-socket":
		return socket(unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP)
	case "packet":
		return socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	case "unix":
		return socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	case "chroot": // the last act of its list
		return unix.Chroot("/tmp/w")
	case "userns-chroot": // by a user namespace's root
		out, err := inUserNamespace("chroot")
		if err != nil {
			return err
		}
		return saying(out)
	case "userns":
		return (&exec.Cmd{Path: "/usr/bin/true", Args: []string{"true"}, SysProcAttr: &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}}).Run()
	case "kill":
		return unix.Kill(os.Getppid(), 0)
	case "io_uring":
		var params [120]byte
		fd, _, e := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, addressOf(&params), 0)
		if e != 0 {
			return e
		}
		return unix.Close(int(fd))
	}
	return fmt.Errorf("no act %q", name)
}

// inUserNamespace does an act as root of a user namespace of its own.
func inUserNamespace(act ...string) ([]byte, error) {
	acts, err := json.Marshal([][]string{act})
	if err != nil {
		return nil, err
	}
	// Its name, and not the link: that leads into the old mount namespace.
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = []string{"PREARM_ACTS=" + string(acts)}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}},
	}
	return cmd.Output()
}

// socket makes a socket and closes it.
func socket(family, typ, protocol int) error {
	fd, err := unix.Socket(family, typ, protocol)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// as has a program do an act, with file open.
func as(program string, file *os.File, act []string) error {
	list, err := json.Marshal([][]string{act})
	if err != nil {
		return err
	}
	cmd := exec.Command(program)
	cmd.Env = []string{"PREARM_ACTS=" + string(list)}
	if file != nil {
		cmd.ExtraFiles = []*os.File{file}
	}
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	return saying(out)
}

// become tries every way that AppArmor has into a child of the process's own
// profile but executing a file. An unconfined process has none to leave.
func become(child string) error {
	const attr = "/proc/thread-self/attr/apparmor/"
	runtime.LockOSThread()
	label := func() (string, error) {
		text, err := os.ReadFile(attr + "current")
		return strings.TrimSpace(string(text)), err
	}
	before, err := label()
	if err != nil || before == "unconfined" {
		return err
	}
	profile, _, _ := strings.Cut(before, " ")
	for file, words := range map[string]string{
		"current": "changeprofile " + profile + "//" + child,
		"exec":    "exec " + profile + "//" + child,
	} {
		if err := os.WriteFile(attr+file, []byte(words), 0); !errors.Is(err, unix.EACCES) {
			return fmt.Errorf("%s: %w", words, err)
		}
	}
	hat := fmt.Sprintf("changehat %016x^%s", 1, child)
	if err := os.WriteFile(attr+"current", []byte(hat), 0); err == nil {
		return errors.New("became a hat")
	}
	after, err := label()
	if err != nil || after != before {
		return fmt.Errorf("became %s, %w", after, err)
	}
	return unix.EACCES
}

// stranger is a user who owns nothing of root's.
const stranger = 1000

// user does an act with the file system rights of stranger.
func user(act []string) (err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set := func(uid int) error {
		if _, _, e := unix.RawSyscall(unix.SYS_SETFSUID, uintptr(uid), 0, 0); e != 0 {
			return e
		}
		return nil
	}
	if err := set(stranger); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set(0)) }()
	return act1(act[0], act[1:])
}

// saying is the end of the one act that a helper printed.
func saying(out []byte) error {
	var ends []string
	if err := json.Unmarshal(out, &ends); err != nil {
		return err
	}
	if len(ends) != 1 || ends[0] != "ok" {
		return errors.New(strings.Join(ends, " "))
	}
	return nil
}
