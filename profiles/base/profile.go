package base

// Profile is what every container's profile permits: all that no rule of a
// policy is about. Mapping code and locking are judged by no rule; a policy
// that narrows execution, reading or writing says what is left of them. There
// is no change_profile: it would lead out of the profile.
//
// The profile does not attach disconnected paths. Their names would begin at
// the wrong place, and a detached copy of a mount would have blocked files
// under names that no rule knows; so they are denied.
const Profile = `  network,
  capability,
  signal,
  ptrace,
  unix,
  dbus,
  "/{,**}" mk,
`

// Mounts permits to change the mount table.
const Mounts = `  mount,
  remount,
  umount,
  pivot_root,
`

// NoMounts stands in its place where a rule blocks a path, which mounts could
// move.
const NoMounts = `  audit deny mount,
  audit deny remount,
  audit deny umount,
  audit deny pivot_root,
`
