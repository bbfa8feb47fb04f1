package bpf

import (
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// more are acts beyond those on sockets by address.
func (a act) more() (o outcome, err error) {
	switch a.Call {
	case "listen":
		err = unix.Listen(a.FD, 1)
	case "accept":
		_, _, err = unix.Accept4(a.FD, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if errors.Is(err, unix.EAGAIN) {
			err = nil
		}
	case "receive":
		_, _, err = unix.Recvfrom(a.FD, make([]byte, 8), unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) {
			err = nil
		}
	case "setsockopt":
		err = unix.SetsockoptInt(a.FD, unix.SOL_SOCKET, unix.SO_PRIORITY, 1)
	case "getsockopt":
		_, err = unix.GetsockoptInt(a.FD, unix.SOL_SOCKET, unix.SO_TYPE)
	case "chown":
		err = unix.Chown(a.Path, 1, 1)
	case "write":
		err = os.WriteFile(a.Path, []byte(a.Call), 0o644)
	case "open":
		var f int
		if f, err = unix.Open(a.Path, unix.O_RDWR|unix.O_CLOEXEC, 0); err == nil {
			err = unix.Close(f)
		}
	case "unlink":
		err = unix.Unlink(a.Path)
	case "mkdir":
		err = unix.Mkdir(a.Path, 0o755)
	case "hostname":
		err = unix.Sethostname([]byte("victim"))
	case "listxattr":
		o.FD, err = unix.Listxattr(a.Path, make([]byte, 4096))
	case "mount":
		err = unix.Mount("none", a.Path, "tmpfs", 0, "")
	case "bind mount":
		err = unix.Mount(a.Path, a.To, "", unix.MS_BIND, "")
	case "move mount":
		err = unix.Mount(a.Path, a.To, "", unix.MS_MOVE, "")
	case "remount":
		err = unix.Mount("", a.Path, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
	case "propagation":
		err = unix.Mount("", a.Path, "", unix.MS_UNBINDABLE, "")
	case "umount":
		err = unix.Unmount(a.Path, unix.MNT_DETACH)
	case "pivot_root":
		err = unix.PivotRoot(a.Path, a.Path)
	case "move_mount":
		var tree int
		if tree, err = unix.OpenTree(unix.AT_FDCWD, a.Path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC); err == nil {
			err = errors.Join(unix.MoveMount(tree, "", unix.AT_FDCWD, a.To, unix.MOVE_MOUNT_F_EMPTY_PATH), unix.Close(tree))
		}
	case "fsconfig":
		var fs int
		if fs, err = unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC); err == nil {
			err = errors.Join(unix.FsconfigCreate(fs), unix.Close(fs))
		}
	case "fspick":
		var fs int
		if fs, err = unix.Fspick(unix.AT_FDCWD, a.Path, unix.FSPICK_CLOEXEC); err == nil {
			err = errors.Join(unix.FsconfigReconfigure(fs), unix.Close(fs))
		}
	case "mount_setattr":
		err = unix.MountSetattr(unix.AT_FDCWD, a.Path, 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NODEV})
	case "drop": // a capability from the bounding set and from all threads' sets
		err = drop(a.FD)
	case "personality": // opens by io_uring, as one that a ring has kept
		err = openAs(a.Path)
	case "seize": // and let go again
		err = onThread(func() error {
			if err := ptrace(unix.PTRACE_SEIZE, a.FD); err != nil {
				return err
			}
			if err := ptrace(unix.PTRACE_INTERRUPT, a.FD); err != nil {
				return err
			}
			if _, err := unix.Wait4(a.FD, nil, unix.WALL, nil); err != nil {
				return err
			}
			return ptrace(unix.PTRACE_DETACH, a.FD)
		})
	case "traced child": // executes Path
		err = onThread(func() error {
			p, err := os.StartProcess(a.Path, []string{a.Path}, &os.ProcAttr{Sys: &syscall.SysProcAttr{Ptrace: true, Pdeathsig: unix.SIGKILL}})
			if err != nil {
				return err
			}
			if err := p.Kill(); err != nil { // it is stopped
				return err
			}
			_, err = p.Wait()
			return err
		})
	case "exec with child": // traces a child that executes Path, and executes To
		runtime.LockOSThread()
		_, err = os.StartProcess(a.Path, []string{a.Path}, &os.ProcAttr{Sys: &syscall.SysProcAttr{Ptrace: true, Pdeathsig: unix.SIGKILL}})
		if err == nil {
			err = unix.Exec(a.To, []string{a.To}, os.Environ())
		}
	default:
		panic("unknown act " + a.Call)
	}
	return o, err
}

// onThread runs f on a thread that ends with it.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	return <-done
}

func ptrace(request, pid int) error {
	if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, uintptr(request), uintptr(pid), 0, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// drop takes a capability from all threads for good.
func drop(number int) error {
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, uintptr(number), 0); errno != 0 {
		return errno
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return err
	}
	sets[number/32].Permitted &^= 1 << (number % 32)
	sets[number/32].Effective &^= 1 << (number % 32)
	sets[number/32].Inheritable &^= 1 << (number % 32)
	header.Pid = 0
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&sets[0])), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// openAs opens a file by a ring's personality, which is what the thread was
// when the ring was made: the same, but other credentials to the kernel.
func openAs(path string) error {
	return onThread(func() error {
		params := make([]byte, 120) // struct io_uring_params
		r, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params[0])), 0)
		if errno != 0 {
			return errno
		}
		ring := int(r)
		defer unix.Close(ring)
		const registerPersonality = 9
		personality, _, errno := unix.Syscall6(unix.SYS_IO_URING_REGISTER, r, registerPersonality, 0, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		// Changes nothing, but makes new credentials.
		if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
			return err
		}
		offset := func(at int) uint32 { return binary.NativeEndian.Uint32(params[at:]) }
		const offsetSQ, offsetCQ, offsetSQEs = 0, 0x8000000, 0x10000000
		sq, err := unix.Mmap(ring, offsetSQ, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return err
		}
		cq, err := unix.Mmap(ring, offsetCQ, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return err
		}
		sqes, err := unix.Mmap(ring, offsetSQEs, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return err
		}
		name, err := unix.BytePtrFromString(path)
		if err != nil {
			return err
		}
		var pin runtime.Pinner
		pin.Pin(name)
		defer pin.Unpin()
		const opOpenat = 18
		atCwd := int32(unix.AT_FDCWD)
		sqes[0] = opOpenat
		binary.NativeEndian.PutUint32(sqes[4:], uint32(atCwd))
		binary.NativeEndian.PutUint64(sqes[16:], uint64(uintptr(unsafe.Pointer(name))))
		binary.NativeEndian.PutUint32(sqes[28:], unix.O_RDWR|unix.O_CLOEXEC)
		binary.NativeEndian.PutUint16(sqes[42:], uint16(personality))
		binary.NativeEndian.PutUint32(sq[offset(40+24):], 0) // the array's first
		binary.NativeEndian.PutUint32(sq[offset(40+4):], 1)  // tail
		const getEvents = 1
		if _, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, r, 1, 1, getEvents, 0, 0); errno != 0 {
			return errno
		}
		result := int32(binary.NativeEndian.Uint32(cq[offset(80+20)+8:]))
		if result < 0 {
			return unix.Errno(-result)
		}
		return unix.Close(int(result))
	})
}
