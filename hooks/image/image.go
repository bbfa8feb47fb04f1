// Package image brings a plan's ruleset into the guard's map: the shim's part
// of what a start does there.
package image

import (
	"fmt"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/hooks"
	"github.com/prearm/prearm/translate"
)

// Put makes sure that the guard has the image of the plan of the bundle's
// order, and holds it for the container. The image, which can be large, is
// only made where the kernel lacks it. The result is for the order.
func Put(b *hooks.Bundle, o *hooks.Order, plan *translate.Plan, guard *bpf.Guard) (*hooks.Guard, error) {
	digest, err := bpf.ParseDigest(o.Digest)
	if err != nil {
		return nil, err
	}
	if err := b.Record(hooks.Change{Kind: hooks.GuardRuleset, Name: o.Digest}); err != nil {
		return nil, err
	}
	err = hooks.ClaimsIn(o.State).Hold(hooks.GuardRuleset, o.Digest, b.Path(), func() error {
		has, err := guard.HasImage(digest)
		if has || err != nil {
			return err
		}
		cells, err := plan.GuardImage()
		if err != nil {
			return err
		}
		return guard.PutImage(digest, cells)
	})
	if err != nil {
		return nil, fmt.Errorf("guard: %w", err)
	}
	return &hooks.Guard{Version: guard.Version()}, nil
}
