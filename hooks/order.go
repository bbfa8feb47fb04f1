package hooks

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

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

	State string `json:"state"` // the node's state folder
	Cache string `json:"cache"`
	BPFFS string `json:"bpffs"` // where the node's programs are pinned
}

// Key names a container in the node's shared folders. It is made of the
// bundle's path, which no two live containers share, not even under two
// containerds; and it is safe as a file name.
func Key(bundle string) string {
	sum := sha256.Sum256([]byte(bundle))
	return hex.EncodeToString(sum[:16])
}

const (
	folder    = "prearm"
	orderFile = "order.json"
)

// WriteOrder puts the order into the bundle. The folder that it makes there
// belongs to the container: containerd removes it with the bundle.
func WriteOrder(bundle string, o *Order) error {
	if err := os.MkdirAll(filepath.Join(bundle, folder), 0o700); err != nil {
		return fmt.Errorf("order: %w", err)
	}
	data, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("order: %w", err)
	}
	return replaceFile(filepath.Join(bundle, folder, orderFile), data)
}

// ReadOrder gives the bundle's order. The error matches os.ErrNotExist if the
// bundle never had one: then nothing was done for it.
func ReadOrder(bundle string) (*Order, error) {
	data, err := os.ReadFile(filepath.Join(bundle, folder, orderFile))
	if err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	var o Order
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, fmt.Errorf("order %s: %w", filepath.Join(bundle, folder, orderFile), err)
	}
	if o.Container != Key(bundle) {
		return nil, fmt.Errorf("order in %s is for another bundle", bundle)
	}
	return &o, nil
}

// replaceFile writes data so that a reader sees all of it or none.
func replaceFile(path string, data []byte) (err error) {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp))
		}
	}()
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
