package oci

import (
	"errors"
	"fmt"
	"math"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/hooks"
	"github.com/prearm/prearm/hooks/fault"
)

// guard puts the container whose first task is pid under the guard, which has
// its image already.
func (n node) guard(pid int) error {
	o := n.order
	digest, err := bpf.ParseDigest(o.Digest)
	if err != nil {
		return err
	}
	guard, err := bpf.GuardOf(o.BPFFS, o.Guard.Version)
	if err != nil {
		return err
	}
	root, err := rootMount(fmt.Sprintf("/proc/%d/root%s", pid, o.Rootfs))
	if err != nil {
		return err
	}
	users, err := namespace(fmt.Sprintf("/proc/%d/ns/user", pid))
	if err != nil {
		return err
	}
	fault.At(o.State, "guard")
	if err := n.journal.Record(hooks.Change{Kind: hooks.GuardContainer, Name: o.Container}); err != nil {
		return err
	}
	return guard.Arm(o.Container, bpf.Container{
		Cgroup:     n.cgroup,
		RootMount:  root,
		UserNS:     users,
		AdmitFirst: o.Guard.AdmitFirst,
		Ruleset:    digest,
	})
}

// rootMount is the id of the mount that will be the container's root: of the
// file system at path, in the container's own mount namespace. A folder within
// another mount is none, as the guard could not tell it from what is above it.
func rootMount(path string) (id uint32, err error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("the container's root %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	var st unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &st); err != nil {
		return 0, fmt.Errorf("the container's root %s: statx: %w", path, err)
	}
	if st.Mask&unix.STATX_MNT_ID == 0 || st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT == 0 || st.Mnt_id > math.MaxUint32 {
		return 0, fmt.Errorf("the container's root %s: this kernel does not say which mount it is", path)
	}
	if st.Attributes&unix.STATX_ATTR_MOUNT_ROOT == 0 {
		return 0, fmt.Errorf("the container's root %s is not a mount of its own; give the container a mount namespace", path)
	}
	return uint32(st.Mnt_id), nil
}

// namespace is the inode number of the namespace at path.
func namespace(path string) (uint32, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	if st.Ino > math.MaxUint32 {
		return 0, fmt.Errorf("%s: inode number %d is out of range", path, st.Ino)
	}
	return uint32(st.Ino), nil
}
