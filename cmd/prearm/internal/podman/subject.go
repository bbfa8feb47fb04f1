// Package podman says who a container is that podman started, from what the
// hooks of the OCI runtime get to see.
package podman

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/prearm/prearm/policy"
)

// Namespace is the one that policies for podman's containers have.
const Namespace = "podman"

// manager is the annotation by which engines say whose container it is; an
// image cannot set it.
const manager = "io.container.manager"

// maxStorage bounds the files of the engine's storage.
const maxStorage = 64 << 20

// Subject says who the container of this bundle is. Its labels are its
// annotations: podman's own labels are in podman's database, which is locked
// while it starts the container. Annotations that the image's manifest has as
// well are Brought.
//
// A container that a build runs has no labels, and neither name nor image. One
// of an engine that writes hooks.d files of other meaning is an error.
func Subject(bundle, id string, spec *specs.Spec) (policy.Subject, error) {
	s := policy.Subject{Namespace: Namespace, Container: id}
	switch engine := spec.Annotations[manager]; engine {
	case "libpod":
	case "":
		return s, nil // buildah's
	default:
		return s, fmt.Errorf("container %s is of the engine %q, and this hook cannot tell who the containers of that one are: keep %s out of its folder of hooks", id, engine, "zz-prearm.json")
	}
	dir := filepath.Dir(filepath.Clean(bundle)) // GRAPHROOT/DRIVER-containers/ID
	if filepath.Base(dir) != id {
		return s, fmt.Errorf("podman's container %s: its bundle %s is not where podman has it", id, bundle)
	}
	store := storage{containers: filepath.Dir(dir)}
	record, err := store.container(id)
	if err != nil {
		return s, fmt.Errorf("podman's container %s: %w", id, err)
	}
	s.Image = record.image
	if record.name != "" {
		s.Container = record.name
	}
	s.Labels = maps.Clone(spec.Annotations)
	maps.DeleteFunc(s.Labels, func(k, _ string) bool { return podmans(k) })
	if record.imageID == "" || len(s.Labels) == 0 {
		return s, nil // started from a root file system, or nothing to tell apart
	}
	if s.Brought, err = store.annotations(record.imageID); err != nil {
		return s, fmt.Errorf("annotations of image %s, which must not choose policies: %w", record.imageID, err)
	}
	maps.DeleteFunc(s.Brought, func(k, v string) bool { return s.Labels[k] != v })
	return s, nil
}

// podmans says whether podman writes the annotation itself.
func podmans(key string) bool {
	for _, prefix := range []string{"io.podman.", "io.container.", "io.kubernetes.cri-o.", "org.opencontainers.image.stopSignal"} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// storage is the folder of containers in containers/storage, which podman
// keeps everything in. Its files are replaced as a whole, never in part.
type storage struct {
	containers string // GRAPHROOT/DRIVER-containers
}

type record struct {
	name, image, imageID string
}

// container is what the storage knows of a container.
func (s storage) container(id string) (record, error) {
	var all []struct {
		ID       string   `json:"id"`
		Names    []string `json:"names"`
		Image    string   `json:"image"`
		Metadata string   `json:"metadata"`
	}
	if err := readJSON(filepath.Join(s.containers, "containers.json"), &all); err != nil {
		return record{}, err
	}
	for _, c := range all {
		if c.ID != id {
			continue
		}
		r := record{imageID: c.Image}
		if len(c.Names) > 0 {
			r.name = c.Names[0]
		}
		var meta struct {
			Image string `json:"image-name"`
		}
		if err := json.Unmarshal([]byte(c.Metadata), &meta); err != nil {
			return r, fmt.Errorf("its metadata: %w", err)
		}
		r.image = meta.Image
		return r, nil
	}
	return record{}, fmt.Errorf("%s does not list it (is its storage a transient one? that is not supported)", filepath.Join(s.containers, "containers.json"))
}

// imageID is how the storage names images.
var imageID = regexp.MustCompile(`^[0-9a-f]{64}$`)

// annotations are those of the image's manifest, from which podman copies them.
func (s storage) annotations(id string) (map[string]string, error) {
	driver, ok := strings.CutSuffix(filepath.Base(s.containers), "-containers")
	if !ok || !imageID.MatchString(id) {
		return nil, fmt.Errorf("%s and image %q do not look like podman's storage", s.containers, id)
	}
	var manifest struct {
		Annotations map[string]string `json:"annotations"`
	}
	path := filepath.Join(filepath.Dir(s.containers), driver+"-images", id, "manifest")
	if err := readJSON(path, &manifest); err != nil {
		return nil, err
	}
	return manifest.Annotations, nil
}

func readJSON(path string, v any) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err := io.ReadAll(io.LimitReader(f, maxStorage+1))
	if err != nil {
		return err
	}
	if len(data) > maxStorage {
		return fmt.Errorf("%s is larger than %d MiB", path, maxStorage>>20)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
