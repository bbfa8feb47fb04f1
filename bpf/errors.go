package bpf

import "errors"

// Errors of the node, for errors.Is. The messages they come wrapped in say
// what to do.
var (
	ErrNoBPFFS   = errors.New("no bpffs is mounted there")
	ErrNoCgroup2 = errors.New("no cgroup v2 hierarchy is mounted")
	ErrUntrusted = errors.New("others than root can write to it")
	ErrNotPinned = errors.New("no programs are pinned there")
	ErrBusy      = errors.New("another process holds the lock")
)

// Errors of one container or ruleset, for errors.Is.
var (
	ErrAttached  = errors.New("the container is armed already")
	ErrCgroup    = errors.New("the cgroup is not the container's own")
	ErrNoRuleset = errors.New("no such ruleset")
	ErrNotArmed  = errors.New("the guard does not have the container")
	ErrInUse     = errors.New("armed containers still need the ruleset")
)
