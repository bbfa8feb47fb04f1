package translate

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/profiles/base"
	"github.com/prearm/prearm/translate/image"
	"github.com/prearm/prearm/translate/model"
)

// GuardImage is the plan's ruleset image, as bpf/guard/layout.h has it. It
// takes milliseconds for usual policies. The error for policies that are too
// large says by how much; no container can start with such a plan.
func (p *Plan) GuardImage() ([]uint64, error) {
	if p.Guard == nil {
		return nil, errors.New("the plan does not use the guard")
	}
	judges := func(class policy.Class) bool { return slices.Contains(p.Guard.Classes, class) }
	ruleset := image.Ruleset{Posture: p.Posture, Base: base.Files()}
	for _, r := range p.Guard.rules {
		if judges(r.Class) {
			ruleset.Rules = append(ruleset.Rules, r)
		}
	}
	if judges(policy.Network) {
		ruleset.Sockets = guardSockets()
	}
	if judges(policy.Capabilities) {
		ruleset.Capabilities = KnownCapabilities()
	}
	cells, err := image.Build(ruleset)
	if err != nil {
		return nil, fmt.Errorf("the policies' image for the guard: %w", err)
	}
	return cells, nil
}

// guardSockets are sockets that stand for all of each kind that the guard
// tells apart.
func guardSockets() (kinds [image.Sockets][]model.Socket) {
	for kind := range SocketKinds {
		kinds[kind] = socketsOf(kind)
	}
	for _, family := range unseenFamilies() {
		kind := image.SocketFamily
		switch family {
		case unix.AF_PACKET:
			kind = image.SocketPacket
		case unix.AF_SMC:
			kind = image.SocketSMC
		case unix.AF_VSOCK:
			kind = image.SocketVsock
		}
		kinds[kind] = append(kinds[kind], socketsIn(family)...)
	}
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		kinds[image.SocketPacket] = append(kinds[image.SocketPacket], model.Socket{Family: family, Type: unix.SOCK_PACKET})
	}
	return kinds
}
