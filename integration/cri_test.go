//go:build integration

package integration

import (
	"testing"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// TestCRISelects: the pod's namespace and labels choose its policies.
func TestCRISelects(t *testing.T) {
	k := newKubelet(t)
	k.armed()
	for name, test := range map[string]struct {
		handler string
		change  func(*cri.PodSandboxConfig)
		held    bool
	}{
		"under runc":        {HandlerRunc, func(*cri.PodSandboxConfig) {}, false},
		"selected":          {HandlerPrearm, func(*cri.PodSandboxConfig) {}, true},
		"another namespace": {HandlerPrearm, func(c *cri.PodSandboxConfig) { c.Metadata.Namespace = "elsewhere" }, false},
		"another label":     {HandlerPrearm, func(c *cri.PodSandboxConfig) { c.Labels["app"] = "other" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			k := k.on(t)
			pod := k.pod(test.handler, test.change)
			for _, c := range enforceable() {
				r := k.run(pod, c.container("main"))
				err := permitted(c.act, r)
				if test.held {
					err = judge(c, r, nil)
				}
				k.check(err)
			}
		})
	}
}
