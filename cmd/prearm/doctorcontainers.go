package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/prearm/prearm/hooks"
	"github.com/prearm/prearm/profiles"
	"github.com/prearm/prearm/shim/config"
)

// checkContainers looks at the containers that AppArmor profiles are to
// confine. It goes by the node's claims, so that those of every containerd are
// among them.
func checkContainers(c *config.Config) []finding {
	bundles, err := hooks.ClaimsIn(c.State).Bundles(hooks.Profile)
	if err != nil {
		return []finding{{"containers", warning, err.Error(), "mend " + c.State + "; starts need it too"}}
	}
	var lost []finding
	confined := 0
	for _, bundle := range bundles {
		order, err := hooks.OrderIn(bundle)
		if errors.Is(err, os.ErrNotExist) {
			continue // it has just ended
		}
		name := bundle
		if err == nil {
			name, err = order.ID, inForce(c, order.Profile)
		}
		if err != nil {
			lost = append(lost, finding{"container " + name, warning, err.Error(),
				"delete it and start it again, which loads its profile anew; what runs in it now cannot be confined again"})
			continue
		}
		confined++
	}
	return append(lost, finding{"containers", good, fmt.Sprintf("%d with an AppArmor profile in force", confined), ""})
}

func inForce(c *config.Config, profile profiles.Instance) error {
	if profile == nil {
		return nil // the container is being started
	}
	kernel, err := profiles.OpenAppArmor(c.Cache)
	if err != nil {
		return err
	}
	return kernel.Enforced(profile)
}
