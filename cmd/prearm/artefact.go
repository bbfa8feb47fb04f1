package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/prearm/prearm/profiles"
	"github.com/prearm/prearm/translate"
)

// artefact is one part of what the kernel is told, "" if there is nothing.
func (e *explanation) artefact(part string) (string, error) {
	switch part {
	case "apparmor":
		if e.plan.AppArmor != nil {
			return e.plan.AppArmor.Text, nil
		}
	case "seccomp":
		return e.seccomp()
	case "capabilities":
		if e.plan.Capabilities != nil {
			return strings.Join(e.plan.Capabilities.Drop, "\n") + "\n", nil
		}
	case "network":
		if e.plan.Network != nil {
			return e.network(), nil
		}
	}
	return "", nil
}

// seccomp is the container's filter merged with the plan's, as the runtime
// gets it.
func (e *explanation) seccomp() (string, error) {
	if e.plan.Seccomp == nil {
		return "", nil
	}
	var merged *specs.LinuxSeccomp
	if e.spec != nil && e.spec.Linux != nil {
		merged = e.spec.Linux.Seccomp // merged by compile
	}
	if e.spec == nil {
		var err error
		if merged, err = profiles.MergeSeccomp(nil, *e.plan.Seccomp); err != nil {
			return "", err
		}
	}
	data, err := json.MarshalIndent(merged, "", "  ")
	return string(data) + "\n", err
}

// network has a line for each kind of socket.
func (e *explanation) network() string {
	var b strings.Builder
	for kind := range translate.SocketKinds {
		v := e.plan.Network.Verdicts[kind]
		switch {
		case v.Action == "":
			fmt.Fprintf(&b, "%v: permitted\n", kind)
		case v.Rule >= 0:
			fmt.Fprintf(&b, "%v: %s by %s\n", kind, v.Action, plain(e.plan.Rules[v.Rule].Address))
		default:
			fmt.Fprintf(&b, "%v: %s by posture\n", kind, v.Action)
		}
	}
	return b.String()
}
