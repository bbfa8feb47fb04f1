package translate

import (
	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

func compileAppArmor(p *Plan, rules []model.Rule, host Host) (outcomes, error) {
	out := outcomes{}
	for _, r := range rules {
		if r.Class == policy.Process || r.Class == policy.File {
			out[r.Number] = Coverage{Unenforceable: "AppArmor is not enabled in this kernel"}
		}
	}
	return out, nil
}
