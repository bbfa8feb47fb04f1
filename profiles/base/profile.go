package base

// Profile is what every container's profile permits: all that no rule of a
// policy is about. Mapping code and locking are judged by no rule; a policy
// that narrows execution, reading or writing says what is left of them. There
// is no change_profile: it would lead out of the profile.
//
// The profile does not attach disconnected paths. Their names would begin at
// the wrong place, and a detached copy of a mount would have blocked files
// under names that no rule knows; so they are denied.
const Profile = `  capability,
  signal,
  ptrace,
  unix,
  dbus,
  "/{,**}" mk,
`

// Mounts permits to change the mount table. It is left out where a rule blocks
// a path, which mounts could move. Denying it explicitly would permit it:
// apparmor_parser 3.0 then forgets that the profile mediates mounts at all.
const Mounts = `  mount,
  remount,
  umount,
  pivot_root,
`
