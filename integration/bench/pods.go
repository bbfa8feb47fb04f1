//go:build integration

package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/prearm/prearm/integration"
)

// handlers are the CRI's names of the runtimes.
var handlers = map[string]string{
	integration.Prearm: integration.HandlerPrearm,
	integration.Runc:   integration.HandlerRunc,
}

// pods measures starts as a kubelet asks for them: of a pod with a container,
// and of a container in a pod that runs.
func (b *bench) pods() (err error) {
	busybox := filepath.Join(b.Scratch, "images/busybox")
	if err := integration.BusyboxImage(b.Fixture, busybox); err != nil {
		return err
	}
	c, err := integration.StartCRI(busybox, b.Bin)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	if err := c.Node.WritePolicy("bench", b.policy()); err != nil {
		return err
	}
	own := &bench{Surroundings: b.Surroundings, Daemon: c.Daemon, ctx: b.ctx, rounds: b.rounds}
	defer func() { b.rows = append(b.rows, own.rows...) }()
	if err := own.start("start under CRI, pod and container", c.Node, own.podStart(c), 0, 0); err != nil {
		return err
	}
	open := make(map[string]*integration.Pod)
	for runtime, handler := range handlers {
		pod, err := own.pod(c, handler)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, pod.Remove(b.ctx)) }()
		open[runtime] = pod
	}
	return own.start("start under CRI, container", c.Node, func(_ *integration.Node, runtime string) (time.Duration, error) {
		return own.containerStart(open[runtime], time.Now())
	}, 0, 0)
}

// pod runs a pod that the policy applies to.
func (b *bench) pod(c *integration.CRI, handler string) (*integration.Pod, error) {
	return c.RunPod(b.ctx, handler, c.PodConfig(c.Node.Namespace, "bench", map[string]string{"app": "test"}))
}

// podStart is the time from asking for a pod until its container runs.
func (b *bench) podStart(c *integration.CRI) func(*integration.Node, string) (time.Duration, error) {
	return func(_ *integration.Node, runtime string) (took time.Duration, err error) {
		began := time.Now()
		pod, err := b.pod(c, handlers[runtime])
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, pod.Remove(b.ctx)) }()
		return b.containerStart(pod, began)
	}
}

// containerStart is the time from began until a new container of the pod runs.
func (b *bench) containerStart(pod *integration.Pod, began time.Time) (took time.Duration, err error) {
	container, err := pod.Create(b.ctx, integration.ContainerConfig("bench", "/act/pause"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, container.Remove(context.WithoutCancel(b.ctx))) }()
	err = container.Start(b.ctx)
	return time.Since(began), err
}
