package shim

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/containerd/containerd/pkg/shutdown"
	"github.com/containerd/containerd/plugin"
	"github.com/containerd/containerd/runtime/v2/runc/manager"
	"github.com/containerd/containerd/runtime/v2/runc/task"
	"github.com/containerd/containerd/runtime/v2/shim"
)

// Name is the runtime's name, as containerd's configuration has it.
const Name = "io.containerd.prearm.v1"

// Main serves containers, as package front calls it, with containerd's own
// arguments. Only -info returns.
func Main() error {
	if slices.Contains(os.Args[1:], "-info") {
		return writeInfo(os.Stdin, os.Stdout)
	}
	plugin.Register(&plugin.Registration{
		Type:     plugin.TTRPCPlugin,
		ID:       "task",
		Requires: []plugin.Type{plugin.EventPlugin, plugin.InternalPlugin},
		InitFn:   newTaskPlugin,
	})
	shim.RunManager(context.Background(), manager.NewShimManager(Name))
	return nil
}

func newTaskPlugin(ic *plugin.InitContext) (any, error) {
	collectLater()
	publisher, err := dependency[shim.Publisher](ic, plugin.EventPlugin, "publisher")
	if err != nil {
		return nil, err
	}
	sd, err := dependency[shutdown.Service](ic, plugin.InternalPlugin, "shutdown")
	if err != nil {
		return nil, err
	}
	inner, err := task.NewTaskService(ic.Context, publisher, sd)
	if err != nil {
		return nil, err
	}
	return newService(inner, ic.Address), nil
}

// dependency is a plugin of the shim library.
func dependency[T any](ic *plugin.InitContext, kind plugin.Type, id string) (T, error) {
	var none T
	p, err := ic.GetByID(kind, id)
	if err != nil {
		return none, err
	}
	t, ok := p.(T)
	if !ok {
		return none, fmt.Errorf("plugin %s is a %T", id, p)
	}
	return t, nil
}
