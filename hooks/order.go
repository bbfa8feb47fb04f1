package hooks

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/prearm/prearm/translate"
)

// Order is what the hooks of one container need to know. The shim writes it
// into the bundle before runc runs; the hooks and the delete action, which
// are processes of their own, have nothing else.
type Order struct {
	Container string `json:"container"` // Key of the container
	ID        string `json:"id"`        // as containerd names it, for messages
	Digest    string `json:"digest"`
	Rootfs    string `json:"rootfs"` // on the host, absolute

	Paths   []translate.Resolution `json:"paths,omitempty"`
	Network *translate.Network     `json:"network,omitempty"`
	Profile []string               `json:"profile,omitempty"` // once it is loaded; a profiles.Instance
	Guard   *Guard                 `json:"guard,omitempty"`   // once its image is in the kernel

	State string `json:"state"` // the node's state folder
	Cache string `json:"cache"`
	BPFFS string `json:"bpffs"` // where the node's programs are pinned
}

// Guard is how a container comes under the guard.
type Guard struct {
	Version string `json:"version"` // of the guard that has the image; a bpf.Guard's
	// AdmitFirst lets the runtime execute what an allow-list leaves out.
	AdmitFirst bool `json:"admitFirst,omitempty"`
}

// Stages of the OCI runtime that prearm-hook is called for. Under the shim
// there is no poststop: its Delete undoes the start itself, which spares the
// end of every container a process.
const (
	CreateRuntime = "createRuntime"
	Poststop      = "poststop"
)

const orderFile = "order.json"

// WriteOrder puts o into the bundle; a reader sees all of it or none.
func (b *Bundle) WriteOrder(o *Order) error {
	data, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("order: %w", err)
	}
	tmp := b.file(orderFile + ".tmp")
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return fmt.Errorf("order: %w", err)
	}
	if err := os.Rename(tmp, b.file(orderFile)); err != nil {
		return fmt.Errorf("order: %w", err)
	}
	return nil
}

// ReadOrder gives the bundle's order. The error matches os.ErrNotExist if it
// has none, or none any more.
func (b *Bundle) ReadOrder() (*Order, error) {
	data, err := os.ReadFile(b.file(orderFile))
	if err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	var o Order
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, fmt.Errorf("order %s: %w", b.file(orderFile), err)
	}
	if o.Container != Key(b.path) {
		return nil, fmt.Errorf("order %s is for another bundle", b.file(orderFile))
	}
	return &o, nil
}

// OrderIn is ReadOrder without the bundle's lock, for those who only look.
func OrderIn(bundle string) (*Order, error) {
	return (&Bundle{path: bundle}).ReadOrder()
}

// removeOrder ends the order: no hook acts on this bundle any more.
func (b *Bundle) removeOrder() error {
	if err := os.Remove(b.file(orderFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("order: %w", err)
	}
	return nil
}
