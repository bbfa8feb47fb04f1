package translate

import (
	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
	"github.com/prearm/prearm/translate/rootfs"
)

// Resolve turns the rules into what the model decides by, for asking it: a
// rule's Number is its index. Unresolved says for rules, by index, why their
// paths lead nowhere in these file systems; they are in the result as they are
// written. A start with such a rule is refused.
func Resolve(rules []policy.Rule, root *rootfs.Root) (resolved []model.Rule, unresolved map[int]string, err error) {
	resolved, _, unresolved, err = resolve(rules, root)
	return resolved, unresolved, err
}
