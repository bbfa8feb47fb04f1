package bpf

import (
	"io/fs"
	"math"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// The few bpf(2) commands of a container's start. The library's own calls
// find out first what the kernel can do, for which they create maps and read
// the mount table: more work, on a busy node, than the rest of the start.

// The kernel's attributes have 64-bit pointers; on 32-bit machines this does
// not compile.
const _ = uint(unsafe.Sizeof(uintptr(0)) - 8)

type objectAttr struct {
	path  unsafe.Pointer
	fd, _ uint32
}

type elementAttr struct {
	mapFD      uint32
	_          uint32
	key, value unsafe.Pointer
	flags      uint64
}

type linkAttr struct {
	programFD, targetFD, attachType, _ uint32
}

func bpf[A any](command uintptr, attr *A) (int, error) {
	r, _, errno := unix.Syscall(unix.SYS_BPF, command, uintptr(unsafe.Pointer(attr)), unsafe.Sizeof(*attr))
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}

// withPin opens a pinned object for the time of one call.
func withPin(path string, use func(fd int) error) error {
	name, err := unix.BytePtrFromString(path)
	if err != nil {
		return err
	}
	fd, err := bpf(unix.BPF_OBJ_GET, &objectAttr{path: unsafe.Pointer(name)})
	if err != nil {
		return &fs.PathError{Op: "open pin", Path: path, Err: err}
	}
	defer unix.Close(fd)
	return use(fd)
}

func pinObject(fd int, path string) error {
	name, err := unix.BytePtrFromString(path)
	if err != nil {
		return err
	}
	_, err = bpf(unix.BPF_OBJ_PIN, &objectAttr{path: unsafe.Pointer(name), fd: fd32(fd)})
	if err != nil {
		return &fs.PathError{Op: "pin", Path: path, Err: err}
	}
	return nil
}

// createLink attaches a program to a cgroup; other programs there stay.
func createLink(program, cgroup int, where ebpf.AttachType) (fd int, err error) {
	return bpf(unix.BPF_LINK_CREATE, &linkAttr{
		programFD:  fd32(program),
		targetFD:   fd32(cgroup),
		attachType: uint32(where),
	})
}

// linkInfo begins as the kernel's bpf_link_info does, for a link to a cgroup.
// The cgroup's id is 0 once it is gone.
type linkInfo struct {
	kind, id, program, _ uint32
	Cgroup               uint64
	attachType, _        uint32
}

type infoAttr struct {
	fd, size uint32
	info     unsafe.Pointer
}

func infoOfLink(fd int) (linkInfo, error) {
	var info linkInfo
	_, err := bpf(unix.BPF_OBJ_GET_INFO_BY_FD, &infoAttr{
		fd: fd32(fd), size: uint32(unsafe.Sizeof(info)), info: unsafe.Pointer(&info),
	})
	return info, err
}

// update sets a map's value of key. Key and value are of the map's sizes, as
// for lookup and remove.
func update[K, V any](m int, key *K, value *V, flags ebpf.MapUpdateFlags) error {
	_, err := bpf(unix.BPF_MAP_UPDATE_ELEM, &elementAttr{
		mapFD: fd32(m),
		key:   unsafe.Pointer(key),
		value: unsafe.Pointer(value),
		flags: uint64(flags),
	})
	return err
}

// lookup fails with ENOENT, as remove does, if the map does not have the key.
func lookup[K, V any](m int, key *K, value *V) error {
	_, err := bpf(unix.BPF_MAP_LOOKUP_ELEM, &elementAttr{
		mapFD: fd32(m),
		key:   unsafe.Pointer(key),
		value: unsafe.Pointer(value),
	})
	return err
}

func remove[K any](m int, key *K) error {
	_, err := bpf(unix.BPF_MAP_DELETE_ELEM, &elementAttr{mapFD: fd32(m), key: unsafe.Pointer(key)})
	return err
}

type mapAttr struct {
	kind, keySize, valueSize, maxEntries, flags uint32
}

// createMap makes a map with integers for keys.
func createMap(kind ebpf.MapType, valueSize, maxEntries, flags uint32) (fd int, err error) {
	return bpf(unix.BPF_MAP_CREATE, &mapAttr{uint32(kind), uint32(unsafe.Sizeof(uint32(0))), valueSize, maxEntries, flags})
}

type batchAttr struct {
	_, _, keys, values unsafe.Pointer // which part of the map; of no use in an update
	count, mapFD       uint32
	_, _               uint64 // flags
}

// updateAll sets the values of as many keys. If it fails, some may be set.
func updateAll[K, V any](m int, keys []K, values []V) error {
	count := min(len(keys), len(values), math.MaxInt32)
	if count == 0 {
		return nil
	}
	_, err := bpf(unix.BPF_MAP_UPDATE_BATCH, &batchAttr{
		keys:   unsafe.Pointer(unsafe.SliceData(keys)),
		values: unsafe.Pointer(unsafe.SliceData(values)),
		count:  uint32(count),
		mapFD:  fd32(m),
	})
	return err
}

type freezeAttr struct{ fd uint32 }

// freeze ends writing to a map from user space.
func freeze(m int) error {
	_, err := bpf(unix.BPF_MAP_FREEZE, &freezeAttr{fd32(m)})
	return err
}

// fd32 is the kernel's form of a descriptor: one that cannot be open, if it
// is out of range.
func fd32(fd int) uint32 {
	if fd < 0 || fd > math.MaxInt32 {
		return math.MaxUint32
	}
	return uint32(fd)
}
