package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/hooks"
	"github.com/prearm/prearm/profiles"
	"github.com/prearm/prearm/shim/config"
)

// checkContainers looks at the containers that AppArmor profiles, or the guard,
// are to confine. It goes by the node's claims, so that those of every
// containerd are among them.
func checkContainers(c *config.Config) []finding {
	var checks []finding
	for _, by := range []struct {
		kind    hooks.Kind
		what    string
		inForce func(*config.Config, *hooks.Order) error
		remedy  string
	}{
		{hooks.Profile, "with an AppArmor profile in force", profileInForce,
			"delete it and start it again, which loads its profile anew; what runs in it now cannot be confined again"},
		{hooks.GuardRuleset, "under the guard", guardInForce,
			"delete it and start it again, which loads the guard anew; what runs in it now cannot be confined again"},
	} {
		bundles, err := hooks.ClaimsIn(c.State).Bundles(by.kind)
		if err != nil {
			return []finding{{"containers", warning, err.Error(), "mend " + c.State + "; starts need it too"}}
		}
		confined := 0
		for _, bundle := range bundles {
			order, err := hooks.OrderIn(bundle)
			if errors.Is(err, os.ErrNotExist) {
				continue // it has just ended
			}
			name := bundle
			if err == nil {
				name, err = order.ID, by.inForce(c, order)
			}
			if err != nil {
				checks = append(checks, finding{"container " + name, warning, err.Error(), by.remedy})
				continue
			}
			confined++
		}
		checks = append(checks, finding{"containers", good, fmt.Sprintf("%d %s", confined, by.what), ""})
	}
	return checks
}

func profileInForce(c *config.Config, order *hooks.Order) error {
	if order.Profile == nil {
		return nil // the container is being started
	}
	kernel, err := profiles.OpenAppArmor(c.Cache)
	if err != nil {
		return err
	}
	return kernel.Enforced(order.Profile)
}

func guardInForce(_ *config.Config, order *hooks.Order) error {
	if order.Guard == nil {
		return nil // the container is being started
	}
	return bpf.Guarded(order.BPFFS, order.Container)
}
