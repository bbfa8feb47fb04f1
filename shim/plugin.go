package shim

import (
	"context"
	"os"
	"slices"

	"github.com/containerd/containerd/pkg/shutdown"
	"github.com/containerd/containerd/plugin"
	"github.com/containerd/containerd/runtime/v2/runc/task"
	"github.com/containerd/containerd/runtime/v2/shim"
)

// Name is the runtime's name, as containerd's configuration has it.
const Name = "io.containerd.prearm.v1"

// Main runs the shim; containerd calls it with its own arguments.
func Main() {
	if slices.Contains(os.Args[1:], "-info") {
		printInfo()
		return
	}
	plugin.Register(&plugin.Registration{
		Type:     plugin.TTRPCPlugin,
		ID:       "task",
		Requires: []plugin.Type{plugin.EventPlugin, plugin.InternalPlugin},
		InitFn:   newTaskPlugin,
	})
	shim.RunManager(context.Background(), newManager())
}

func newTaskPlugin(ic *plugin.InitContext) (any, error) {
	publisher, err := ic.GetByID(plugin.EventPlugin, "publisher")
	if err != nil {
		return nil, err
	}
	sd, err := ic.GetByID(plugin.InternalPlugin, "shutdown")
	if err != nil {
		return nil, err
	}
	inner, err := task.NewTaskService(ic.Context, publisher.(shim.Publisher), sd.(shutdown.Service))
	if err != nil {
		return nil, err
	}
	return newService(inner, ic.Address), nil
}
