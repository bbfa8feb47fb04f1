//go:build integration

package integration

import (
	"testing"
)

func TestUnprotected(t *testing.T) {
	for _, act := range acts {
		if act == "pause" {
			continue
		}
		r, err := shared.Run(t.Context(), Container{Root: shared.fixture, Runtime: "/usr/bin/containerd-shim-runc-v2", Args: []string{"/act/" + act}})
		if err != nil {
			t.Fatal(err, shared.Log(20))
		}
		if r.Exit != 0 {
			t.Errorf("%s: exit %d", act, r.Exit)
		}
	}
	r, err := shared.Run(t.Context(), Container{Root: shared.busybox, Runtime: Runc, Args: []string{"/bin/sh", "-c", "echo out; echo err >&2; exit 3"}})
	t.Logf("%+v %v", r, err)
	task, err := shared.Create(t.Context(), Container{Root: shared.busybox, Runtime: Runc, Args: []string{"/act/pause"}})
	if err != nil {
		t.Fatal(err)
	}
	defer task.Delete(t.Context())
	t.Log(task.Start(t.Context()))
	r, err = task.Exec(t.Context(), nil, "/bin/sh", "-c", "echo out; ls /; exit 4")
	t.Logf("%+v %v", r, err)
	r, err = task.Exec(t.Context(), nil, "/bin/nothere")
	t.Logf("%+v %v", r, err)
}
