// Package install puts prearm in place on a node and takes it away again:
// programs, settings, a systemd unit, and an entry in containerd's
// configuration.
//
// Everything is planned before anything is changed. A Plan is a list of
// files, each with what it holds now and what it shall hold; it can be shown
// as a diff or applied. What was there before is kept in a record on the
// node, from which Uninstall restores each file byte for byte. In a file that
// somebody has changed since, only what is prearm's is taken out, if it can
// be told apart; else nothing at all is changed.
//
// # containerd
//
// The CRI plugin's table has another name in each version of the
// configuration, and imported files are merged in another way by each series
// of containerd:
//
//   - containerd 1.x (configuration versions 1 and 2) takes a plugin's table
//     from the last file that has one, whole. A drop-in with a runtime entry
//     would throw away every other CRI setting. So the entry goes to the end
//     of the file whose table counts.
//   - It also forgets its built-in runtimes where a file has one of its own.
//     Where the configuration names none, runc is written beside prearm, as
//     containerd has it.
//   - containerd 2.x (versions 3 and 4; it reads the older ones too) merges
//     tables key by key, so that a drop-in of our own does, which the main
//     file imports.
//
// Where containerd is installed, it has the last word: what it makes of its
// configuration, as told by `containerd config dump`, must not differ by
// anything but what was asked for, or the files are put back.
package install
